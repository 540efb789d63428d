"""Say that this worker is alive, from a thread and connection of its own.

A handler that blocks the event loop must not look dead, so nothing here runs on that loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from soniq.backends.contract import Backend, Lifeline, WorkerIdentity
from soniq.clock import Clock
from soniq.events import Events
from soniq.repeat import repeat, rest
from soniq.settings import Settings

logger = logging.getLogger("soniq.heartbeat")

LEAVE_SECONDS = 1.0


class Heartbeat:
    """Holds the worker's lease from ``start`` until ``stop``."""

    def __init__(
        self,
        backend: Callable[[Lifeline], Backend],
        worker: WorkerIdentity,
        *,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._backend = backend
        self._worker = worker
        self._interval = settings.heartbeat_interval
        self._lease = settings.heartbeat_timeout
        self._clock = clock
        self._registered: Future[None] = Future()
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event, asyncio.Event] | None = None
        self._leave = True
        self._thread = threading.Thread(target=self._live, name="soniq-heartbeat", daemon=True)

    async def start(self) -> None:
        """Return once the worker is registered.

        Raises:
            DatabaseError: it could not be.
        """
        self._thread.start()
        await asyncio.wrap_future(self._registered)

    async def stop(self, *, leave: bool = True) -> None:
        """Stop renewing. ``leave`` ends the lease now; else it runs out by itself."""
        self._leave = leave
        if self._stop is not None:
            loop, *events = self._stop
            for event in events:
                loop.call_soon_threadsafe(event.set)
        await asyncio.to_thread(self._thread.join)

    def _live(self) -> None:
        try:
            asyncio.run(self._beat_until_stopped())
        except BaseException as error:
            if not self._registered.done():
                self._registered.set_exception(error)
            else:
                logger.exception("The heartbeat of worker %s ended", self._worker.id)

    async def _beat_until_stopped(self) -> None:
        stop = asyncio.Event()
        # Set: renew without delay, since a lock was lost, the last renewal failed, or this ends.
        urgent = asyncio.Event()
        self._stop = (asyncio.get_running_loop(), stop, urgent)
        backend = self._backend(Lifeline(self._worker.id, urgent.set))
        await backend.open()
        try:
            await backend.workers.register(self._worker, lease=self._lease)
            self._registered.set_result(None)

            async def beat() -> None:
                await rest(urgent, self._interval * (0.9 + 0.2 * self._clock.random()))
                if stop.is_set():
                    return
                urgent.set()
                if not await backend.workers.renew(self._worker.id, lease=self._lease):
                    logger.warning("Worker %s was given up; it registers anew", self._worker.id)
                    await backend.workers.register(self._worker, lease=self._lease)
                urgent.clear()

            await repeat("heartbeat", beat, stop=stop, clock=self._clock, events=Events())
            if self._leave:
                async with asyncio.timeout(LEAVE_SECONDS):
                    await backend.workers.leave(self._worker.id)
        finally:
            await backend.close()
