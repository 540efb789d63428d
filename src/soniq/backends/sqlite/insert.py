"""Write new jobs, and find out which jobs stand for those that are duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import Any

import aiosqlite

from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import text
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.job import NewJob

Facts = dict[str, str | int | None]


def insert(connection: Connection, jobs: Sequence[NewJob], clock: Clock) -> list[str]:
    """Write the jobs; return the ids that stand for them, in their order."""
    now = clock.now()
    facts = [columns(job, now) for job in jobs]
    if all(job.unique_key is None for job in jobs):
        connection.executemany(sql("jobs/insert"), facts)
        return [job.id for job in jobs]
    return [insert_one(connection, job, row) for job, row in zip(jobs, facts, strict=True)]


def insert_one(connection: Connection, job: NewJob, facts: Facts) -> str:
    """Write one job; return its id, or the id of the one that holds its key."""
    if connection.execute(sql("jobs/insert"), facts).rowcount:
        return job.id
    if connection.execute(sql("jobs/exists"), {"id": job.id}).fetchone():
        return job.id
    # Nobody can have claimed the holder meanwhile: this transaction has the write lock.
    holder: tuple[str] = connection.execute(sql("jobs/holder"), facts).fetchone()
    return holder[0]


async def insert_through(
    connection: aiosqlite.Connection, jobs: Sequence[NewJob], clock: Clock
) -> list[str]:
    """Write the jobs on the connection of a handler's transaction; return as ``insert`` does."""
    now = clock.now()
    ids: list[str] = []
    for job in jobs:
        facts = columns(job, now)
        written = await connection.execute(sql("jobs/insert"), facts)
        known = written.rowcount or await first(connection, "jobs/exists", {"id": job.id})
        ids.append(job.id if known else (await first(connection, "jobs/holder", facts))[0])
    return ids


async def first(connection: aiosqlite.Connection, verb: str, facts: Facts) -> Any:
    """Return the first record as a tuple, whatever the handler wants its own records to be."""
    cursor = await connection.execute(sql(verb), facts)
    cursor.row_factory = None
    return await cursor.fetchone()


def columns(job: NewJob, now: datetime) -> Facts:
    """Return the parameters of ``jobs/insert``."""
    due = later(now, job.delay) if job.scheduled_at is None else job.scheduled_at
    return {
        "id": job.id,
        "job_name": job.job_name,
        "queue": job.queue,
        "priority": job.priority,
        "scheduled_at": text(max(now, due)),
        "args": job.args,
        "max_attempts": job.max_attempts,
        "unique_key": job.unique_key,
        "created_at": text(now),
    }
