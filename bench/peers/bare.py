"""No queue at all: an INSERT into a table of the same shape, by the bare driver, one commit each.

The base that enqueueing is compared with. The table is Soniq's own, with its indexes; what Soniq
adds in a call (checks, encoding, wake-ups) is what the ratio shows. With the option ``calls`` a
NOTIFY follows each INSERT, and a worker that listens claims one row at a time: the least that the
start of a job can take.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg

from bench.peers.protocol import Adapter, Handler, main
from soniq import Soniq

COLUMNS = "id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at"
POSTGRES = f"""
INSERT INTO soniq_jobs ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""  # noqa: S608 - a constant
SQLITE = f"INSERT INTO soniq_jobs ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
CLAIM = """
UPDATE soniq_jobs SET status = 'processing'
WHERE id = (
    SELECT id FROM soniq_jobs WHERE status = 'queued' AND queue = 'default'
    ORDER BY priority, scheduled_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING args ->> 'number'
"""
CALL, CHANNEL = "SELECT pg_notify('bench_bare', '')", "bench_bare"
POOL = 10


class BareAdapter(Adapter):
    """Bare asyncpg (a pool, where many tasks ask) or bare sqlite3."""

    _pool: asyncpg.Pool[asyncpg.Record]
    _connection: asyncpg.Connection[asyncpg.Record]
    _file: sqlite3.Connection

    @property
    def _on_server(self) -> bool:
        return self.url.startswith("postgres")

    async def setup(self) -> None:
        """Create Soniq's tables."""
        app = Soniq(database_url=self.url)
        await app.setup()
        await app.close()

    async def open(self) -> None:
        """Connect."""
        if self._on_server:
            self._connection = await asyncpg.connect(self.url)
            self._pool = await asyncpg.create_pool(self.url, min_size=POOL, max_size=POOL)
            return
        self._file = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")

    def _row(self, number: int) -> tuple[Any, ...]:
        now: Any = datetime.now(UTC) if self._on_server else datetime.now(UTC).timestamp()
        arguments = json.dumps({"number": number})
        return str(uuid4()), "bench.nothing", "default", 100, now, arguments, 4, now

    async def enqueue(self, number: int) -> None:
        """Insert one row in a transaction of its own."""
        if self._on_server:
            await self._connection.execute(POSTGRES, *self._row(number))
            if self.parameters.get("calls"):
                await self._connection.fetch(CALL)
        else:
            self._file.execute(SQLITE, self._row(number))

    async def enqueue_concurrently(self, jobs: int, tasks: int) -> None:
        """Insert from many tasks through a pool of connections; one after the other in a file."""
        if not self._on_server:
            for number in range(jobs):
                await self.enqueue(number)
            return

        async def some(first: int) -> None:
            for number in range(first, jobs, tasks):
                await self._pool.execute(POSTGRES, *self._row(number))

        await asyncio.gather(*map(some, range(tasks)))

    async def enqueue_many(self, numbers: range) -> None:
        """Copy all rows in, or insert them in one transaction."""
        rows = [self._row(number) for number in numbers]
        if self._on_server:
            columns = COLUMNS.split(", ")
            await self._connection.copy_records_to_table(
                "soniq_jobs", records=rows, columns=columns
            )
            return
        self._file.execute("BEGIN IMMEDIATE")
        self._file.executemany(SQLITE, rows)
        self._file.execute("COMMIT")

    async def enqueue_within(self, connection: Any, number: int) -> None:
        """Insert in the caller's transaction."""
        await connection.execute(POSTGRES, *self._row(number))

    async def pending(self) -> bool:
        """Say that nothing waits: nobody would run it."""
        return False

    async def work(self, handler: Handler) -> None:
        """Claim a row whenever somebody calls, and the next ones, until none waits."""
        called = asyncio.Event()
        listener = await asyncpg.connect(self.url)
        await listener.add_listener(CHANNEL, lambda *_: called.set())
        connection = await asyncpg.connect(self.url)
        called.set()  # what came before nobody has heard of
        while await called.wait():
            called.clear()
            while (number := await connection.fetchval(CLAIM)) is not None:
                await handler(int(number))


ADAPTER = BareAdapter

if __name__ == "__main__":
    main(ADAPTER)
