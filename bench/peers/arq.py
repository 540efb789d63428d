"""Arq over Redis."""

from __future__ import annotations

from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.constants import default_queue_name
from arq.worker import Worker, func

from bench.peers.protocol import Adapter, Handler, main


class ArqAdapter(Adapter):
    """A pool and, in a process of its own, a worker with its defaults."""

    _look: Any = None

    async def setup(self) -> None:
        """Do nothing: Redis has no schema."""

    async def open(self) -> None:
        """Connect."""
        self._pool = await create_pool(RedisSettings.from_dsn(self.url))

    async def enqueue(self, number: int) -> None:
        """Enqueue one job."""
        await self._pool.enqueue_job("nothing", number)

    async def pending(self) -> bool:
        """Look at the queue: settled jobs have left it."""
        self._look = self._look or await create_pool(RedisSettings.from_dsn(self.url))
        return bool(await self._look.zcard(default_queue_name))

    async def work(self, handler: Handler) -> None:
        """Run a worker."""

        async def nothing(_: Any, number: int) -> None:
            await handler(number)

        given: dict[str, Any] = {"max_jobs": self.concurrency} if self.concurrency else {}
        worker = Worker(
            [func(nothing, name="nothing")],
            redis_settings=RedisSettings.from_dsn(self.url),
            handle_signals=False,
            **given,
        )
        await worker.async_run()


ADAPTER = ArqAdapter

if __name__ == "__main__":
    main(ADAPTER)
