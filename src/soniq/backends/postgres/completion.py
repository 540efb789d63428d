"""The transaction of a handler, whose last statement completes its job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from soniq import crashpoints
from soniq.backends import sqltext
from soniq.backends.postgres.pool import ANSWER_TIMEOUT, Database
from soniq.backends.postgres.session import FOLDER
from soniq.backends.refusals import claim_lost, ended_by_hand
from soniq.job import ClaimedJob

if TYPE_CHECKING:
    from asyncpg.transaction import Transaction

    from soniq.backends.postgres.session import Lent


@asynccontextmanager
async def transaction(
    db: Database, claim: ClaimedJob, *, worker: str, now: datetime | None
) -> AsyncGenerator[Lent]:
    """Lend a connection in a transaction; at the end of the block complete the claim and commit.

    Where the answer to the commit is lost, nobody knows what has become of it. The row of the job
    stays locked until the server knows, so that whatever the worker writes then finds out.
    """
    async with db.lend() as connection:
        own = connection.transaction()
        try:
            with db.target.explained():
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    number = await begin(connection, own)
            yield connection
            with db.target.explained():
                async with asyncio.timeout(ANSWER_TIMEOUT):
                    facts = now, worker, claim.id, claim.fence, number, str(db.rollups)
                    await complete(connection, claim, facts)
                    if crashpoints.ARMED:
                        crashpoints.passed("transaction.before_commit")
                    await own.commit()
        except BaseException:
            await undo(connection, own)
            raise


async def begin(connection: Lent, own: Transaction) -> str:
    """Begin the transaction and return its number."""
    await own.start()
    [record] = await connection.fetch(sqltext.read(FOLDER, "jobs/begin"))
    number: str = record["number"]
    return number


async def complete(connection: Lent, claim: ClaimedJob, facts: tuple[object, ...]) -> None:
    """Make the job DONE; ``facts`` are the parameters of the statement.

    Raises:
        TransactionMisused: this is another transaction than theirs, or none.
        ClaimLost: the claim is no longer in force.
    """
    if not connection.is_in_transaction():
        raise ended_by_hand(claim)
    text = sqltext.read(FOLDER, "jobs/complete_within")
    [record] = await connection.fetch(text, *facts)
    if not record["same"]:
        raise ended_by_hand(claim)
    if not record["owned"]:
        raise claim_lost(claim)


async def undo(connection: Lent, own: Transaction) -> None:
    """Roll back, or cut the connection where that can't be done: then the server does it."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await own.rollback()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection.terminate()
