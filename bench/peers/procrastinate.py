"""Procrastinate over psycopg. Options: ``concurrency`` of its worker (1 by default)."""

from __future__ import annotations

from typing import Any

import psycopg
from procrastinate import App, PsycopgConnector

from bench.peers.protocol import Adapter, Handler, main

UNSETTLED = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"


class ProcrastinateAdapter(Adapter):
    """An app with its own pool of connections."""

    _look: Any = None

    def __init__(self, parameters: dict[str, Any]) -> None:
        super().__init__(parameters)
        self._app = App(connector=PsycopgConnector(conninfo=self.url))
        self._nothing = self._define(None)

    def _define(self, handler: Handler | None) -> Any:
        @self._app.task(name="nothing")
        async def nothing(number: int) -> None:
            if handler:
                await handler(number)

        return nothing

    async def setup(self) -> None:
        """Create the tables."""
        async with self._app.open_async():
            await self._app.schema_manager.apply_schema_async()

    async def open(self) -> None:
        """Connect."""
        await self._app.open_async()

    async def enqueue(self, number: int) -> None:
        """Defer one job."""
        await self._nothing.defer_async(number=number)

    async def enqueue_many(self, numbers: range) -> None:
        """Defer all in one call."""
        await self._nothing.batch_defer_async(*({"number": number} for number in numbers))

    async def pending(self) -> bool:
        """Look at the table."""
        self._look = self._look or await psycopg.AsyncConnection.connect(self.url, autocommit=True)
        row = await (await self._look.execute(UNSETTLED)).fetchone()
        return bool(row[0])

    async def work(self, handler: Handler) -> None:
        """Run a worker."""
        self._app = App(connector=PsycopgConnector(conninfo=self.url))
        self._define(handler)
        given = {"concurrency": self.concurrency} if self.concurrency else {}
        async with self._app.open_async():
            await self._app.run_worker_async(**given)


ADAPTER = ProcrastinateAdapter

if __name__ == "__main__":
    main(ADAPTER)
