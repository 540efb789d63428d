"""Write new jobs, and find out which jobs stand for those that are duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from sqlite3 import Connection
from typing import Any

import aiosqlite

from soniq.backends.sqlite.queries import for_rows, sql
from soniq.backends.sqlite.rows import text
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.job import NewJob

Values = tuple[str | int | None, ...]  # the parameters of jobs/insert

# Rows in one statement. What SQLite does once for each statement costs as much as a row does.
SIZES = (64, 8, 1)


def insert(connection: Connection, jobs: Sequence[NewJob], clock: Clock) -> list[str]:
    """Write the jobs; return the ids that stand for them, in their order."""
    now = clock.now()
    created_at = text(now)
    rows = [values(job, now, created_at) for job in jobs]
    if len(jobs) == 1 or any(job.unique_key is not None for job in jobs):
        return [insert_one(connection, job, row) for job, row in zip(jobs, rows, strict=True)]
    written = 0
    for size in SIZES:
        statement = for_rows("jobs/insert", size)
        while len(rows) - written >= size:
            several = rows[written : written + size]
            connection.execute(statement, tuple(chain.from_iterable(several)))
            written += size
    return [job.id for job in jobs]


def insert_one(connection: Connection, job: NewJob, row: Values) -> str:
    """Write one job; return its id, or the id of the one that holds its key."""
    if connection.execute(sql("jobs/insert"), row).rowcount:
        return job.id
    if connection.execute(sql("jobs/exists"), {"id": job.id}).fetchone():
        return job.id
    # Nobody can have claimed the holder meanwhile: this transaction has the write lock.
    key = {"unique_key": job.unique_key}
    holder: tuple[str] = connection.execute(sql("jobs/holder"), key).fetchone()
    return holder[0]


async def insert_through(
    connection: aiosqlite.Connection, jobs: Sequence[NewJob], clock: Clock
) -> list[str]:
    """Write the jobs on the connection of a handler's transaction; return as ``insert`` does."""
    ids: list[str] = []
    now = clock.now()
    created_at = text(now)
    for job in jobs:
        row = values(job, now, created_at)
        written = await connection.execute(sql("jobs/insert"), row)
        known = written.rowcount or await first(connection, "jobs/exists", {"id": job.id})
        key = {"unique_key": job.unique_key}
        ids.append(job.id if known else (await first(connection, "jobs/holder", key))[0])
    return ids


async def first(
    connection: aiosqlite.Connection, verb: str, facts: Mapping[str, str | int | None]
) -> Any:
    """Return the first record, or None, whatever the handler wants its own records to be."""
    cursor = await connection.execute(sql(verb), facts)
    cursor.row_factory = None
    # All of them: a statement that could still answer stands in the way of a commit.
    return next(iter(await cursor.fetchall()), None)


def values(job: NewJob, now: datetime, created_at: str) -> Values:
    """Return the parameters of ``jobs/insert``; ``created_at`` is the text of ``now``."""
    job_id, name, queue, priority, args, attempts, scheduled_at, delay, key, headers = job
    is_due = scheduled_at is None and not delay
    due = created_at if is_due else text(max(now, due_at(job, now)))
    return job_id, name, queue, priority, due, args, attempts, key, created_at, headers


def due_at(job: NewJob, now: datetime) -> datetime:
    """Return the moment that was asked for."""
    return later(now, job.delay) if job.scheduled_at is None else job.scheduled_at
