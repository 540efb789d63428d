"""Celery over Redis, without a result backend, as by default: prefork, one process for each core.

Its tasks are plain functions, so what a coroutine would wait for is slept.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import Celery
from redis.asyncio import Redis

from bench.peers.protocol import Adapter, Handler, main
from bench.peers.tally import hit

QUEUE, UNACKNOWLEDGED = "celery", "unacked"


class CeleryAdapter(Adapter):
    """An app whose worker blocks the main thread."""

    _look: Any = None

    def __init__(self, parameters: dict[str, Any]) -> None:
        super().__init__(parameters)
        self._app = Celery("bench", broker=self.url)
        self._app.conf.broker_connection_retry_on_startup = True
        pause: float = parameters.get("sleep", 0.0)

        @self._app.task(name="nothing")
        def nothing(number: int) -> None:
            hit(number)
            if pause:
                time.sleep(pause)

        self._nothing = nothing

    async def setup(self) -> None:
        """Do nothing: Redis has no schema."""

    async def enqueue(self, number: int) -> None:
        """Send one job; the call blocks, as the library's calls do."""
        self._nothing.delay(number)

    async def enqueue_concurrently(self, jobs: int, tasks: int) -> None:
        """Send from many threads at once."""

        def some(first: int) -> None:
            for number in range(first, jobs, tasks):
                self._nothing.delay(number)

        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(tasks) as pool:
            await asyncio.gather(*(loop.run_in_executor(pool, some, n) for n in range(tasks)))

    async def pending(self) -> bool:
        """Look at the list and at what was taken and not acknowledged."""
        self._look = self._look or Redis.from_url(self.url)
        return bool(await self._look.llen(QUEUE) or await self._look.hlen(UNACKNOWLEDGED))

    async def work(self, handler: Handler) -> None:
        """Refuse: its worker knows no event loop."""
        raise NotImplementedError

    def work_blocking(self, handler: Handler) -> None:  # noqa: ARG002 - its tasks are functions
        """Run a worker in this thread."""
        options = [f"--concurrency={self.concurrency}"] if self.concurrency else []
        self._app.worker_main(["worker", "--loglevel=WARNING", *options])


ADAPTER = CeleryAdapter

if __name__ == "__main__":
    main(ADAPTER)
