"""The dashboard that is measured, in a process of its own: it counts the statements that it runs.

python -m bench.pages.serve serve '{"url": …}'; the bench asks ``/bench`` for the count.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import sys
from collections.abc import MutableMapping
from typing import Any

import asyncpg
from starlette.applications import Starlette

from soniq import Soniq
from soniq.dashboard import create_dashboard_app
from soniq.dashboard.serve import listen, serve
from soniq.dashboard.shared import Shared
from soniq.dashboard.state import Dashboard

PATH = "/bench"


class Counter:
    """How many statements the drivers have run since the process began."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._asked = 0

    def hit(self, _: object) -> None:
        """Count one; from any thread."""
        next(self._numbers)

    @property
    def total(self) -> int:
        """Return the number so far: each look takes a number, too."""
        self._asked += 1
        return next(self._numbers) - self._asked + 1

    def watch(self) -> None:
        """Count what every connection runs that is made from now on."""
        sqlite: Any = sqlite3
        postgres: Any = asyncpg.Connection
        connect, made = sqlite.connect, postgres.__init__

        def traced(*args: Any, **options: Any) -> Any:
            connection = connect(*args, **options)
            connection.set_trace_callback(self.hit)
            return connection

        def logged(connection: Any, *args: Any, **options: Any) -> None:
            made(connection, *args, **options)
            connection.add_query_logger(self.hit)

        sqlite.connect = traced
        postgres.__init__ = logged


class Watched:
    """The dashboard, and beside it ``/bench``, which tells the count and may forget answers.

    ``?forget=pages``: what pages keep for seconds; ``?forget=all``: the doctor's findings as well.
    """

    def __init__(self, app: Starlette, counter: Counter) -> None:
        self.state = app.state
        self._app = app
        self._counter = counter

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        forget(self._app, scope["query_string"].decode())
        body = json.dumps({"statements": self._counter.total}).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def forget(app: Starlette, query: str) -> None:
    """Have what was read before read anew, as if the last look had been long ago."""
    if not query:
        return
    dashboard: Dashboard = app.state.dashboard
    dashboard.forget()
    live: dict[str, Any] = vars(dashboard.live)
    for kept in [*live.values(), *live["_longer"].values()]:
        if isinstance(kept, Shared):
            kept.forget()
    if query == "forget=all" and hasattr(app.state, "checkup"):
        del app.state.checkup


async def main(url: str) -> None:
    """Serve until the process is killed; tell the port first."""
    counter = Counter()
    counter.watch()
    async with Soniq(database_url=url) as soniq:
        app: Any = Watched(create_dashboard_app(soniq), counter)
        listening = listen("127.0.0.1", 0)
        told = {"event": "ready", "port": listening.getsockname()[1]}
        await serve(app, listening, ready=lambda: print(json.dumps(told), flush=True))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[2])["url"]))
