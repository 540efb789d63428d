"""What the database says, read past Soniq: by SQL that PostgreSQL and SQLite both understand."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from tests.chaos.history import Leftovers, Row

JOBS = """
SELECT CAST(id AS text), CAST(args AS text), status, attempts, max_attempts, fence, crashes,
    CAST(worker_id AS text), queue, priority, unique_key, CAST(result AS text), NULL
FROM soniq_jobs
"""
DEAD_LETTERS = """
SELECT CAST(id AS text), CAST(args AS text), 'dead', attempts, max_attempts, 0, crashes,
    CAST(worker_id AS text), queue, priority, NULL, NULL, reason
FROM soniq_dead_letter_jobs
"""
ENDED = "SELECT CAST(id AS text), status, fence FROM soniq_jobs WHERE finished_at IS NOT NULL"
WAITING = "SELECT count(*) FROM soniq_jobs WHERE finished_at IS NULL"
HELD = """
SELECT count(*) FROM soniq_jobs WHERE status = 'processing' AND worker_id IN (
    SELECT id FROM soniq_workers WHERE pid = {pid}
)
"""
CONNECTIONS = """
SELECT count(*), count(*) FILTER (WHERE state LIKE 'idle in transaction%'),
    COALESCE(string_agg(concat_ws(
        ' ', application_name, state, wait_event, now() - state_change, left(query, 200)
    ), '; '), '')
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# Seconds for the server to notice that a killed process is gone. Where that one's statement waits
# for a lock, it looks only when its lock_timeout (10 s) is over.
PATIENCE = 20.0


class Tables:
    """A reader with a connection of its own."""

    def __init__(self, source: asyncpg.Connection[asyncpg.Record] | sqlite3.Connection) -> None:
        self._source = source

    async def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement."""
        if isinstance(self._source, sqlite3.Connection):
            return self._source.execute(statement).fetchall()
        return [tuple(record) for record in await self._source.fetch(statement)]

    async def rows(self) -> list[Row]:
        """Return all jobs and dead letters."""
        return [
            row_of(record) for part in (JOBS, DEAD_LETTERS) for record in await self.fetch(part)
        ]

    async def ended(self) -> dict[str, tuple[str, int]]:
        """Return the jobs that have ended: (status, fence) by id."""
        return {job_id: (status, fence) for job_id, status, fence in await self.fetch(ENDED)}

    async def waiting(self) -> int:
        """Return how many jobs have not ended."""
        return int((await self.fetch(WAITING))[0][0])

    async def held(self, pid: int) -> int:
        """Return how many jobs the worker of a process holds."""
        return int((await self.fetch(HELD.format(pid=pid)))[0][0])

    async def execute(self, statement: str) -> None:
        """Change something behind Soniq's back."""
        result = self._source.execute(statement)
        if not isinstance(result, sqlite3.Cursor):
            await result

    def is_locked(self) -> bool:
        """Tell whether a process holds the one lock for writing that an SQLite file has."""
        if not isinstance(self._source, sqlite3.Connection):
            return False
        [(_, _, file)] = self._source.execute("PRAGMA database_list").fetchall()
        with closing(sqlite3.connect(file, isolation_level=None, timeout=0.2)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False

    async def leftovers(self) -> Leftovers:
        """Return what is left of the workers, once the server has had time to notice their end."""
        if isinstance(self._source, sqlite3.Connection):
            return Leftovers()
        for _ in range(int(PATIENCE / 0.05)):
            found = Leftovers(*(await self.fetch(CONNECTIONS))[0])
            if found == Leftovers():
                break
            await asyncio.sleep(0.05)
        return found


def row_of(record: tuple[Any, ...]) -> Row:
    """Return the job of a record."""
    job_id, args, *facts, result, reason = record
    number = json.loads(args).get("number", -1)
    return Row(job_id, number, *facts, json.loads(result) if result else None, reason)


@asynccontextmanager
async def tables(url: str) -> AsyncIterator[Tables]:
    """Look at the tables of a database, which has them already."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(urlsplit(url).path, isolation_level=None)) as file:
            yield Tables(file)
        return
    connection = await asyncpg.connect(url)
    try:
        yield Tables(connection)
    finally:
        await connection.close()
