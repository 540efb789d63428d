"""SAQ over PostgreSQL or Redis, as the URL says; in uvloop, which its command uses where it can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from saq import Queue, Worker

from bench.peers.protocol import Adapter, Handler, main

UNSETTLED = "SELECT EXISTS (SELECT FROM saq_jobs WHERE status IN ('new', 'queued', 'active'))"


class SaqAdapter(Adapter):
    """A queue and, in a process of its own, a worker with its defaults."""

    _look: Any = None

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        """Run in uvloop."""

        async def awaited() -> None:
            await main()

        uvloop.run(awaited())

    async def setup(self) -> None:
        """Create the tables."""
        queue = Queue.from_url(self.url)
        await queue.connect()
        await queue.disconnect()

    async def open(self) -> None:
        """Connect."""
        self._queue = Queue.from_url(self.url)
        await self._queue.connect()

    async def enqueue(self, number: int) -> None:
        """Enqueue one job."""
        await self._queue.enqueue("nothing", number=number)

    async def pending(self) -> bool:
        """Look at the table, or ask the queue how many jobs are incomplete."""
        if self.url.startswith("postgres"):
            import psycopg  # noqa: PLC0415 - only where the jobs are there

            self._look = self._look or psycopg.connect(self.url, autocommit=True)
            return bool(self._look.execute(UNSETTLED).fetchone()[0])
        self._look = self._look or Queue.from_url(self.url)
        return bool(await self._look.count("incomplete"))

    async def work(self, handler: Handler) -> None:
        """Run a worker."""

        async def nothing(_: Any, *, number: int) -> None:
            await handler(number)

        given: dict[str, Any] = {"concurrency": self.concurrency} if self.concurrency else {}
        queue = Queue.from_url(self.url)
        await queue.connect()
        await Worker(queue, functions=[("nothing", nothing)], **given).start()


ADAPTER = SaqAdapter

if __name__ == "__main__":
    main(ADAPTER)
