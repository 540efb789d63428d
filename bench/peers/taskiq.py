"""Taskiq over PostgreSQL (taskiq-pg) or Redis streams (taskiq-redis), as the URL says.

Neither has a result backend here, as neither has one by default.
"""

from __future__ import annotations

from typing import Any

from taskiq import AsyncBroker
from taskiq.api import run_receiver_task

from bench.peers.protocol import Adapter, Handler, main

GROUP, STREAM = "taskiq", "taskiq"


class TaskiqAdapter(Adapter):
    """A broker; jobs of taskiq-pg are told by NOTIFY only, so nobody runs those of an idle time."""

    _look: Any = None

    def __init__(self, parameters: dict[str, Any]) -> None:
        super().__init__(parameters)
        self._broker = self._make_broker()
        self._nothing = self._define(None)

    @property
    def _on_server(self) -> bool:
        return self.url.startswith("postgres")

    def _make_broker(self) -> AsyncBroker:
        if self._on_server:
            from taskiq_pg.broker import AsyncpgBroker  # noqa: PLC0415 - one of two

            return AsyncpgBroker(self.url)
        from taskiq_redis import RedisStreamBroker  # noqa: PLC0415

        return RedisStreamBroker(self.url, queue_name=STREAM, consumer_group_name=GROUP)

    def _define(self, handler: Handler | None) -> Any:
        @self._broker.task(task_name="nothing")
        async def nothing(number: int) -> None:
            if handler:
                await handler(number)

        return nothing

    async def setup(self) -> None:
        """Create the table or the stream."""
        await self._broker.startup()
        await self._broker.shutdown()

    async def open(self) -> None:
        """Connect."""
        await self._broker.startup()

    async def enqueue(self, number: int) -> None:
        """Kick one job."""
        await self._nothing.kiq(number)

    async def pending(self) -> bool:
        """Look for messages that nobody has acknowledged."""
        if self._on_server:
            import asyncpg  # noqa: PLC0415

            self._look = self._look or await asyncpg.connect(self.url)
            return bool(await self._look.fetchval("SELECT EXISTS (SELECT FROM taskiq_messages)"))
        from redis.asyncio import Redis  # noqa: PLC0415

        self._look = self._look or Redis.from_url(self.url)
        groups = await self._look.xinfo_groups(STREAM)
        return any(group["pending"] or group["lag"] for group in groups)

    async def work(self, handler: Handler) -> None:
        """Run a receiver with the defaults of ``taskiq worker``."""
        self._broker = self._make_broker()
        self._define(handler)
        given = {"max_async_tasks": self.concurrency} if self.concurrency else {}
        await run_receiver_task(self._broker, run_startup=True, **given)


ADAPTER = TaskiqAdapter

if __name__ == "__main__":
    main(ADAPTER)
