"""A dashboard behind a real socket, on a SQLite file of its own: what a browser is pointed at."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable
from concurrent.futures import Future
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.types import ASGIApp

from soniq import Soniq
from soniq.dashboard import create_dashboard_app
from soniq.dashboard.serve import Server, listen
from soniq.dashboard.state import Dashboard
from tests.support.dashboard import board_of, broken, fine

T = TypeVar("T")
# Of the two tasks that the app of a site knows; the demo has others.
QUEUE = "mails"
PATIENCE = 30.0


class Loop:
    """An event loop in a thread: the browser's driver has that of the main thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sites", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let something run there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something there, and return what it returns."""
        return self.begin(work).result(PATIENCE)

    def call(self, act: Callable[[], object]) -> None:
        """Call a function there."""
        self._loop.call_soon_threadsafe(act)

    def close(self) -> None:
        """End the thread."""
        self.call(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class Site:
    """A dashboard that is served; its app runs in the same loop as the server."""

    def __init__(self, loop: Loop, board: Dashboard, path: Path, url: str) -> None:
        self.app = board.soniq
        self.board = board
        self.path = path
        self.url = url
        self._loop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the loop of the app."""
        return self._loop.run(work)

    def enqueue(self, name: str = "mail.send", **options: Any) -> str:
        """Enqueue a job, and return its id."""
        args = options.pop("args", {"number": 1})
        return self.run(self.app.enqueue(name, args=args, **options))

    def hush(self) -> None:
        """End all streams, and begin no other one."""
        self._loop.call(self.board.live.close)

    def work(self) -> None:
        """Run the jobs that are due and that this app knows: mail.send and mail.break."""
        self.run(self.app.run_worker(run_once=True, queues=[QUEUE]))

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what the file holds, read by nobody's code but SQLite's."""
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def value(self, query: str, *values: object) -> Any:
        """Return the only value of a query."""
        [[value]] = self.rows(query, *values)
        return value

    def write(self, statement: str, rows: Iterable[Iterable[object]]) -> None:
        """Write rows past all that Soniq checks."""
        with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection, connection:
            connection.executemany(statement, [tuple(row) for row in rows])

    def noted(self, action: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Return the entries of the audit log about an action: actor, target and detail."""
        query = "SELECT actor, target, detail FROM soniq_audit WHERE action = ? ORDER BY id"
        return [(actor, target, json.loads(text)) for actor, target, text in
                self.rows(query, action)]  # fmt: skip


@contextmanager
def served(loop: Loop, path: Path, **options: Any) -> Generator[Site]:
    """Serve a dashboard for a file until the block ends; options are those of the dashboard."""
    app = Soniq(database_url=f"sqlite:///{path}")
    app.job(name="mail.send", queue=QUEUE)(fine)
    app.job(name="mail.break", queue=QUEUE)(broken)
    opened = open_site(app, **options)
    url, board = loop.run(opened.__aenter__())
    try:
        yield Site(loop, board, path, url)
    finally:
        loop.run(opened.__aexit__(None, None, None))


@asynccontextmanager
async def open_site(
    app: Soniq, *, mount: str = "", **options: Any
) -> AsyncGenerator[tuple[str, Dashboard]]:
    """Serve a dashboard at a free port; give its address, and what it is made of.

    ``mount``: the path in an application of FastAPI that it is mounted at; without, it is alone.
    """
    await app.ensure_initialized()
    dashboard = create_dashboard_app(app, **options)
    board = board_of(dashboard)
    ready = asyncio.Event()
    config = uvicorn.Config(
        within(dashboard, mount),
        log_config=None,
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = Server(config, ready.set)
    with listen("127.0.0.1", 0) as socket:
        serving = asyncio.create_task(server.serve([socket]))
        await ready.wait()
        yield f"http://127.0.0.1:{socket.getsockname()[1]}{mount}", board
        server.should_exit = True
        board.live.close()
        await serving
    await app.close()


def within(dashboard: Starlette, mount: str) -> ASGIApp:
    """Return what serves the dashboard under a path, or alone."""
    if not mount:
        return dashboard
    site = FastAPI()
    site.mount(mount, dashboard)
    return site
