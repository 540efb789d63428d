"""What Soniq's statements ask of a session, and how to have it through a pooler that keeps none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from soniq.backends import sqltext

# The driver's classes are generic for the type checker only.
if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Lent = PoolConnectionProxy[asyncpg.Record]
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

Answer = TypeVar("Answer")
FOLDER = Path(__file__).parent

# Every statement of ours is meant to be a walk along an index. Statistics of a queue are often
# minutes old, and a plan that was made for an empty table must not meet a million rows.
# The file session/settings says the same for one transaction.
SESSION = {
    "application_name": "soniq",
    # Well within a lease: a heartbeat on a dead connection must leave time for another.
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    # "enqueued" means durable, whatever the database's default is.
    "synchronous_commit": "on",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


class QuietConnection(Base):
    """A connection that is given back without a round trip: ours never change session state."""

    def get_reset_query(self) -> str:
        """Return nothing to run."""
        return ""


class PoolerMet(Exception):
    """The server's process is not the one that was connected to: a pooler stands between."""


async def refuse_pooler(connection: Base) -> None:
    """Check a new connection.

    Raises:
        PoolerMet: it leads to a pooler that accepts what only a session can keep.
    """
    text = sqltext.read(FOLDER, "session/process")
    # Poolers give a server to each transaction, and names of statements to nobody.
    async with connection.transaction():
        statement = await connection.prepare(text, name="")
        process: int = await statement.fetchval()
    if process != connection.get_server_pid():
        raise PoolerMet


def is_poolers(error: Exception) -> bool:
    """Tell whether a failure to connect only shows that a pooler keeps no settings for us."""
    if isinstance(error, asyncpg.ProtocolViolationError):
        return "startup parameter" in str(error)
    return isinstance(error, PoolerMet)


@contextmanager
def undisguised() -> Generator[None]:
    """Tell that a database is missing as the server does; poolers pass it on under another code."""
    try:
        yield
    except asyncpg.ProtocolViolationError as error:
        if "database" in str(error) and "does not exist" in str(error):
            raise asyncpg.InvalidCatalogNameError(str(error)) from error
        raise


async def with_settings(connection: Lent, action: Callable[[Lent], Awaitable[Answer]]) -> Answer:
    """Run an action in a transaction that has, for itself, the settings of our sessions."""
    transaction = connection.transaction(isolation="read_committed")
    await transaction.start()
    try:
        await connection.execute(sqltext.read(FOLDER, "session/settings"))
        answer = await action(connection)
    except TimeoutError:
        raise  # nobody would answer the rollback either
    except BaseException:
        await transaction.rollback()
        raise
    await transaction.commit()
    return answer
