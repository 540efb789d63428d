"""Soniq, by the same commands as its peers; nothing is set but what a command asks for."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import asyncpg

from bench.peers.protocol import Adapter, Handler, begin, main
from bench.peers.soniq_without import settings_without, take_out
from bench.peers.tally import hit
from soniq import Soniq
from soniq.worker.pauses import keep_pauses_short

NAME = "bench.nothing"
MEMORY = "memory"
UNSETTLED = "SELECT EXISTS (SELECT 1 FROM soniq_jobs WHERE status IN ('queued', 'processing'))"


class SoniqAdapter(Adapter):
    """Soniq on PostgreSQL, SQLite or in memory, as the URL says."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        super().__init__(parameters)
        self._settings = settings_without(parameters.get("without", ()))
        self._app = self._make_app()
        self._look: asyncpg.Connection[asyncpg.Record] | None = None
        self._loop: asyncio.AbstractEventLoop
        self._nothing = self._define(hit)

    def _make_app(self) -> Soniq:
        if self.url == MEMORY:
            return Soniq(backend="memory")
        return Soniq(database_url=self.url, **self._settings)

    def _define(self, handler: Handler) -> Any:
        executor = self.parameters.get("executor")
        if executor == "process":
            return self._app.job(name=NAME, executor="process")(hit)
        if executor == "thread":
            return self._app.job(name=NAME)(hit)

        async def nothing(number: int) -> None:
            await handler(number)

        async def told(number: int) -> int:
            await handler(number)
            return number

        if self.parameters.get("returns"):
            return self._app.job(name=NAME)(told)
        return self._app.job(name=NAME)(nothing)

    async def setup(self) -> None:
        """Create the tables."""
        await self._app.setup()
        await self._app.close()

    async def open(self) -> None:
        """Connect."""
        await self._app.ensure_initialized()

    async def close(self) -> None:
        """Disconnect."""
        await self._app.close()

    async def enqueue(self, number: int) -> None:
        """Enqueue one job."""
        await self._app.enqueue(self._nothing, number=number)

    async def enqueue_many(self, numbers: range) -> None:
        """Enqueue all in one call."""
        await self._app.enqueue_many(self._nothing, [{"number": n} for n in numbers])

    async def enqueue_within(self, connection: Any, number: int) -> None:
        """Enqueue in the caller's transaction."""
        await self._app.enqueue(self._nothing, number=number, connection=connection)

    async def pending(self) -> bool:
        """Look at the table; in the memory of this process, ask the worker's loop."""
        if self.url == MEMORY:
            asked = asyncio.run_coroutine_threadsafe(self._app.get_queue_stats(), self._loop)
            stats = await asyncio.wrap_future(asked)
            return any(queue["queued"] or queue["processing"] for queue in stats.values())
        if self.url.startswith("sqlite"):
            with sqlite3.connect(self.url.removeprefix("sqlite:///")) as file:
                return bool(file.execute(UNSETTLED).fetchone()[0])
        self._look = self._look or await asyncpg.connect(self.url)
        return bool(await self._look.fetchval(UNSETTLED))

    async def work(self, handler: Handler) -> None:
        """Run a worker with its defaults; fill the queue before, where nobody else can."""
        take_out(self.parameters.get("without", ()))
        self._app = self._make_app()
        self._nothing = self._define(handler)
        self._loop = asyncio.get_running_loop()
        if prefill := self.parameters.get("prefill"):
            await self.enqueue_many(range(prefill))
            begin(self)
        keep_pauses_short()  # as the command does
        await self._app.run_worker(concurrency=self.concurrency)


ADAPTER = SoniqAdapter

if __name__ == "__main__":
    main(ADAPTER)
