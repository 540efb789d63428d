"""PgQueuer over asyncpg. Options: ``batch_size`` of its worker, and ``uvloop``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, Job, PgQueuer, Queries

from bench.peers.protocol import Adapter, Handler, main

NAME = "nothing"
UNSETTLED = "SELECT EXISTS (SELECT FROM pgqueuer WHERE status IN ('queued', 'picked'))"


class PgQueuerAdapter(Adapter):
    """A pool for the producer, a connection for the worker, as its documentation shows."""

    _queries: Queries
    _look: Any = None

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        """Run in uvloop where that is asked for."""
        if not self.parameters.get("uvloop"):
            super().run(main)
            return
        import uvloop  # noqa: PLC0415

        uvloop.run(main())

    async def setup(self) -> None:
        """Create the tables."""
        connection = await asyncpg.connect(self.url)
        await Queries(AsyncpgDriver(connection)).install()
        await connection.close()

    async def open(self) -> None:
        """Connect a pool."""
        pool = await asyncpg.create_pool(self.url)
        self._queries = Queries(AsyncpgPoolDriver(pool))

    async def enqueue(self, number: int) -> None:
        """Enqueue one job."""
        await self._queries.enqueue(NAME, b"%d" % number)

    async def enqueue_many(self, numbers: range) -> None:
        """Enqueue all in one call."""
        payloads: list[bytes | None] = [b"%d" % number for number in numbers]
        await self._queries.enqueue([NAME] * len(payloads), payloads, [0] * len(payloads))

    async def enqueue_within(self, connection: Any, number: int) -> None:
        """Enqueue by the caller's connection."""
        await Queries(AsyncpgDriver(connection)).enqueue(NAME, b"%d" % number)

    async def pending(self) -> bool:
        """Look at the table: settled jobs have left it."""
        self._look = self._look or await asyncpg.connect(self.url)
        return bool(await self._look.fetchval(UNSETTLED))

    async def work(self, handler: Handler) -> None:
        """Run a worker, by its defaults or with the given batch size."""
        queuer = PgQueuer(AsyncpgDriver(await asyncpg.connect(self.url)))

        @queuer.entrypoint(NAME)
        async def nothing(job: Job) -> None:
            await handler(int(job.payload or b"0"))

        given = {key: self.parameters[key] for key in ("batch_size",) if key in self.parameters}
        if self.concurrency:
            given["max_concurrent_tasks"] = self.concurrency
        await asyncio.gather(queuer.run(**given))


ADAPTER = PgQueuerAdapter

if __name__ == "__main__":
    main(ADAPTER)
