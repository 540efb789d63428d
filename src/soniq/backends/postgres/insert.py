"""Write new jobs, and find out which jobs stand for those that are duplicates."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from soniq.backends import sqltext
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.session import FOLDER
from soniq.errors import DatabaseError, TransactionUnsupported
from soniq.job import NewJob

if TYPE_CHECKING:
    AnyConnection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

logger = logging.getLogger("soniq.postgres")

# A key whose holder is gone each time when we look: someone enqueues and claims without pause.
ROUNDS = 100
TRIES = 5


def native(connection: object) -> AnyConnection:
    """Return the caller's connection as what the driver can use.

    Raises:
        TransactionUnsupported: it is something else.
    """
    if isinstance(connection, asyncpg.Connection | PoolConnectionProxy):
        # The driver's classes are generic for the type checker only.
        return cast("AnyConnection", connection)
    kind = type(connection)
    message = (
        f"connection= is a {kind.__module__}.{kind.__qualname__}, but PostgreSQL transactions can "
        "be joined through an asyncpg connection only: pass one from asyncpg.connect(), from an "
        "asyncpg pool, or from `async with app.backend.acquire() as connection`."
    )
    raise TransactionUnsupported(message)


def insert_own(
    db: Database, jobs: Sequence[NewJob], now: datetime | None
) -> Coroutine[Any, Any, list[str]]:
    """Write all jobs or none, in a transaction of our own; await the ids that stand for them.

    Ids are chosen by the client, so a repetition finds what the first try has written.
    """
    if len(jobs) == 1 and jobs[0].unique_key is None:
        return insert_one(db, jobs[0], now)
    return insert_several(db, jobs, now)


async def insert_several(db: Database, jobs: Sequence[NewJob], now: datetime | None) -> list[str]:
    """Write jobs, or one with a key; return the ids that stand for them."""
    alike = pattern(jobs) if len(jobs) > 1 else None
    if alike is not None:
        # Where a try whose answer was lost has written them, their ids are taken.
        with suppress(asyncpg.UniqueViolationError):
            return await insert_alike(db, jobs, alike, now)

    async def action(connection: AnyConnection) -> list[str]:
        if len(jobs) == 1 or all(job.unique_key is None for job in jobs):
            return await write(connection, jobs, now)
        async with connection.transaction():
            return await write(connection, jobs, now)

    # Two batches can deadlock in their second rounds, where keys are no longer in order.
    return await db.repeat(action, tries=TRIES)


async def insert_one(db: Database, job: NewJob, now: datetime | None) -> list[str]:
    """Write a job without a key; return its id."""
    text, values = sqltext.read(FOLDER, "jobs/insert_one"), parameters(job, now)
    try:
        await db.repeat(lambda connection: connection.fetch(text, *values), tries=TRIES)
    except asyncpg.UniqueViolationError:
        logger.debug("Job %s was there already: an earlier try has written it", job.id)
    return [job.id]


async def insert_alike(
    db: Database, jobs: Sequence[NewJob], alike: tuple[object, ...], now: datetime | None
) -> list[str]:
    """Write jobs that differ in id and arguments only; return their ids.

    Raises:
        UniqueViolationError: one of them was there already; nothing is written.
    """
    ids, texts = [job.id for job in jobs], [job.args for job in jobs]
    *shared, headers = alike
    await db.fetch("jobs/insert_alike", now, *shared, ids, texts, headers)
    return ids


def pattern(jobs: Sequence[NewJob]) -> tuple[object, ...] | None:
    """Return what all jobs agree in, None if they differ in more than id and arguments.

    Jobs with a unique key have no pattern: their duplicates have to be told apart.
    """
    _, *names, _, attempts, dates, delays, keys, headers = zip(*jobs, strict=True)
    shared = (*names, dates, delays, attempts, headers)
    if keys.count(None) < len(keys) or any(one.count(one[0]) < len(one) for one in shared):
        return None
    return tuple(one[0] for one in shared)


async def insert_then_wake(db: Database, job: NewJob, now: datetime | None) -> str:
    """Write a job without a key, rouse those who wait for its queue, in one trip; return its id.

    Raises:
        ProgramLimitExceededError: the server has no room for calls; the job is written.
        UniqueViolationError: it was there already; nobody was roused.
    """
    await db.fetch("jobs/insert_then_wake", *parameters(job, now))
    return job.id


async def write_one(connection: AnyConnection, job: NewJob, now: datetime | None) -> list[str]:
    """Write a job without a key; return its id."""
    await connection.fetch(sqltext.read(FOLDER, "jobs/insert_one"), *parameters(job, now))
    return [job.id]


def parameters(job: NewJob, now: datetime | None) -> tuple[object, ...]:
    """Return the parameters of ``jobs/insert_one``."""
    return (
        now,
        job.id,
        job.job_name,
        job.queue,
        job.priority,
        job.scheduled_at,
        job.delay,
        job.args,
        job.max_attempts,
        job.headers,
    )


async def write(
    connection: AnyConnection, jobs: Sequence[NewJob], now: datetime | None
) -> list[str]:
    """Write the jobs on this connection; return the ids that stand for them, in their order."""
    if len(jobs) == 1 and jobs[0].unique_key is None:
        return await write_one(connection, jobs[0], now)
    standing = {job.id: job.id for job in jobs}
    # Everybody takes the locks of keys in the same order, so that nobody waits in a circle.
    waiting = sorted(jobs, key=lambda job: job.unique_key or "")
    text = sqltext.read(FOLDER, "jobs/insert")
    for _ in range(ROUNDS):
        records = await connection.fetch(text, *columns(waiting, now))
        written = {record["id"] for record in records}
        refused = [job for job in waiting if job.id not in written and job.unique_key is not None]
        if not refused:
            return [standing[job.id] for job in jobs]
        holders = await find_holders(connection, refused)
        standing.update(holders)
        waiting = [job for job in refused if job.id not in holders]
        if not waiting:
            return [standing[job.id] for job in jobs]
    message = f"The unique key {waiting[0].unique_key!r} changed hands {ROUNDS} times; try again."
    raise DatabaseError(message)


async def find_holders(connection: AnyConnection, jobs: Sequence[NewJob]) -> dict[str, str]:
    """Return, by the id of a job that was not written, the id of the one that stands for it."""
    ids, keys = [job.id for job in jobs], [job.unique_key for job in jobs]
    records = await connection.fetch(sqltext.read(FOLDER, "jobs/holders"), ids, keys)
    return {record["id"]: record["holder"] for record in records if record["holder"] is not None}


def columns(jobs: Sequence[NewJob], now: datetime | None) -> tuple[object, ...]:
    """Return the parameters of ``jobs/insert``."""
    return (
        now,
        [job.id for job in jobs],
        [job.job_name for job in jobs],
        [job.queue for job in jobs],
        [job.priority for job in jobs],
        [job.scheduled_at for job in jobs],
        [job.delay for job in jobs],
        [job.args for job in jobs],
        [job.max_attempts for job in jobs],
        [job.unique_key for job in jobs],
        [job.headers for job in jobs],
    )
