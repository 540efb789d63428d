"""Oban for Python over psycopg; it needs Python 3.12 or later."""

from __future__ import annotations

import asyncio
from typing import Any

from oban import Oban, worker
from oban.schema import install
from psycopg_pool import AsyncConnectionPool

from bench.peers.protocol import Adapter, Handler, main

LIMIT = 10  # of its own examples: it has no default
STATES = "('available', 'scheduled', 'executing', 'retryable')"
UNSETTLED = f"SELECT EXISTS (SELECT FROM oban_jobs WHERE state IN {STATES})"  # noqa: S608


class ObanAdapter(Adapter):
    """An instance with a pool; one with a queue where it works."""

    _oban: Oban
    _look: AsyncConnectionPool | None = None

    def __init__(self, parameters: dict[str, Any]) -> None:
        super().__init__(parameters)
        self._job = self._define(None)

    def _define(self, handler: Handler | None) -> Any:
        class Nothing:
            async def process(self, job: Any) -> None:
                if handler:
                    await handler(job.args["number"])

        return worker(queue="default")(Nothing)

    async def _pool(self) -> AsyncConnectionPool:
        pool = AsyncConnectionPool(self.url, open=False)
        await pool.open()
        return pool

    async def setup(self) -> None:
        """Create the tables."""
        pool = await self._pool()
        await install(pool)
        await pool.close()

    async def open(self) -> None:
        """Connect."""
        self._oban = Oban(pool=await self._pool())

    async def enqueue(self, number: int) -> None:
        """Enqueue one job."""
        await self._oban.enqueue(self._job.new({"number": number}))

    async def enqueue_many(self, numbers: range) -> None:
        """Enqueue all in one call."""
        await self._oban.enqueue_many([self._job.new({"number": n}) for n in numbers])

    async def pending(self) -> bool:
        """Look at the table."""
        self._look = self._look or await self._pool()
        async with self._look.connection() as connection:
            row = await (await connection.execute(UNSETTLED)).fetchone()
        return bool(row and row[0])

    async def work(self, handler: Handler) -> None:
        """Run one queue."""
        self._define(handler)
        queues = {"default": self.concurrency or LIMIT}
        async with Oban(pool=await self._pool(), queues=queues):
            await asyncio.Event().wait()


ADAPTER = ObanAdapter

if __name__ == "__main__":
    main(ADAPTER)
