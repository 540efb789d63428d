"""Look at an app from within its event loop or from other threads: queues, workers, the loop."""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from soniq.events import RunningWorker, WorkerStarted
from soniq.observability.cached import Cached
from soniq.standing import QueueStanding

if TYPE_CHECKING:
    from soniq.app import Soniq

T = TypeVar("T")

# Those who look at the same time, or in a hurry, share an answer.
EVERY_SECONDS = 1.0
# What changes slowly, and takes a look at the whole server.
SELDOM_SECONDS = 60.0
# For the answers to one look. Prometheus itself waits for ten seconds.
PATIENCE_SECONDS = 2.0
# The name among ``DatabaseFacts.facts``.
HELD_SNAPSHOT = "oldest_snapshot_seconds"


class Watch:
    """What can be told of an app now. The database is asked when somebody looks, and seldom.

    It does not keep the app alive. ``lag``: the seconds that the event loop took for its turn when
    it was last asked for one; None if it never was.
    """

    def __init__(self, app: Soniq) -> None:
        self._app = weakref.ref(app)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._workers: list[RunningWorker] = []
        self.lag: float | None = None
        clock = app.clock
        self.queues: Cached[list[QueueStanding]] = Cached(
            "How queues stand", self._ask_queues, every=EVERY_SECONDS, clock=clock
        )
        self.held_snapshot: Cached[float | None] = Cached(
            "How long snapshots are held", self._ask_snapshot, every=SELDOM_SECONDS, clock=clock
        )
        self.database: Cached[str] = Cached(
            "Whether the database is ready", self._ask_database, every=EVERY_SECONDS, clock=clock
        )
        app.events.on(WorkerStarted, self._meet)
        self.attach()

    @property
    def workers(self) -> list[RunningWorker]:
        """The workers that run in this process."""
        self._workers = [worker for worker in self._workers if not worker.ended]
        return self._workers

    def attach(self) -> None:
        """Remember the event loop that runs here, if one does: it is the app's."""
        with suppress(RuntimeError):
            self._loop = asyncio.get_running_loop()

    async def look(self) -> None:
        """Bring ``lag``, ``queues`` and ``held_snapshot`` up to date, within a few seconds."""
        self.attach()
        asked = time.monotonic()
        await asyncio.sleep(0)
        self.lag = time.monotonic() - asked
        await self._refresh()

    def look_from_thread(self) -> None:
        """Do so from a thread without an event loop."""
        if self.turns():
            self.ask(self._refresh)

    def look_soon(self) -> None:
        """Begin to do so, on the event loop, and wait for nothing."""
        self.attach()
        self.queues.ask_soon()
        self.held_snapshot.ask_soon()

    def turns(self) -> bool:
        """Tell, from another thread, whether the event loop turns; that sets ``lag``."""
        turned = threading.Event()
        asked = time.monotonic()
        if self._loop is None:
            return False
        try:
            self._loop.call_soon_threadsafe(turned.set)
        except RuntimeError:  # it is closed
            return False
        answered = turned.wait(PATIENCE_SECONDS)
        self.lag = time.monotonic() - asked
        return answered

    def ask(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """Return from another thread what a coroutine function returns; None if that takes long."""
        if self._loop is None:
            return None
        coroutine = question()
        try:
            answer = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError:  # it is closed
            coroutine.close()
            return None
        with suppress(TimeoutError):
            # The question itself has less patience; this is for a loop that has stopped meanwhile.
            return answer.result(2 * PATIENCE_SECONDS)
        return None

    async def close(self) -> None:
        """Give up what is being asked."""
        for cached in (self.queues, self.held_snapshot, self.database):
            await cached.close()

    async def _refresh(self) -> None:
        await asyncio.gather(
            self.queues.refresh(PATIENCE_SECONDS), self.held_snapshot.refresh(PATIENCE_SECONDS)
        )

    async def _ask_queues(self) -> list[QueueStanding]:
        return await self._there.queues.list()

    async def _ask_snapshot(self) -> float | None:
        seconds = (await self._there.stats.database()).facts.get(HELD_SNAPSHOT)
        return None if seconds is None else float(seconds)

    async def _ask_database(self) -> str:
        """Return what is wrong with the database, or nothing."""
        try:
            # Connects and looks at the schema, the first time; what is paused is quickly found.
            await self._there.queues.paused()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return f"{type(error).__name__}: {error}"
        return ""

    @property
    def _there(self) -> Soniq:
        app = self._app()
        if app is None:
            message = "The app is gone."
            raise RuntimeError(message)
        return app

    def _meet(self, event: WorkerStarted) -> None:
        self.attach()
        self._workers.append(event.worker)
