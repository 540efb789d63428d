"""Say that this worker is alive, from a thread and connection of its own.

A handler that blocks the event loop must not look dead, so nothing here runs on that loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from soniq.backends.contract import Backend
from soniq.backends.worker_contract import Lifeline, Vitals, WorkerIdentity
from soniq.clock import Clock
from soniq.errors import SoniqError
from soniq.events import Events, PassFailed
from soniq.repeat import repeat, rest
from soniq.settings import Settings
from soniq.worker.wishes import Wishes

logger = logging.getLogger("soniq.heartbeat")

LEAVE_SECONDS = 1.0
# A database that does not answer must not hold up the end of a worker.
STOP_SECONDS = 1.2


class Heartbeat:
    """Holds the worker's lease from ``start`` until ``stop``.

    With each renewal it tells the ``vitals`` and hears the wishes; both in a thread of its own.
    Renewals that fail are told to the listeners of ``events``, on the event loop of ``start``.
    """

    def __init__(
        self,
        backend: Callable[[Lifeline], Backend],
        worker: WorkerIdentity,
        *,
        settings: Settings,
        clock: Clock,
        vitals: Callable[[], Vitals],
        wishes: Wishes,
        events: Events,
    ) -> None:
        self._backend = backend
        self._worker = worker
        self._interval = settings.heartbeat_interval
        self._lease = settings.heartbeat_timeout
        self._clock = clock
        self._vitals = vitals
        self._wishes = wishes
        self._events = events
        self._telling: list[Future[None]] = []
        self._registered, self._ended = uncancellable(), uncancellable()
        self._end: Callable[[], object] | None = None
        self._cancel: Callable[[], object] | None = None
        self._stopping = False
        self._leave = True
        # How many other workers there were at the last renewal; at first that is not known.
        self.others = 1
        self._thread = threading.Thread(target=self._live, name="soniq-heartbeat", daemon=True)

    @property
    def beats(self) -> bool:
        """Whether its thread lives."""
        return self._thread.is_alive()

    async def start(self) -> None:
        """Return once the worker is registered.

        Raises:
            DatabaseError: it could not be.
        """
        self._home = asyncio.get_running_loop()
        self._thread.start()
        await asyncio.wrap_future(self._registered)

    async def stop(self, *, leave: bool = True) -> None:
        """Stop renewing, within ``STOP_SECONDS``.

        ``leave`` ends the lease now, where the database answers; else it runs out by itself.
        """
        self._leave, self._stopping = leave, True
        if self._thread.ident is None:
            return
        if self._end is not None:
            with suppress(RuntimeError):  # the thread has ended by itself
                self._end()
        await asyncio.wait([asyncio.wrap_future(self._ended)], timeout=STOP_SECONDS)
        if not self._ended.done() and self._cancel is not None:
            logger.warning("The lease of worker %s runs out by itself: no answer", self._worker.id)
            with suppress(RuntimeError):
                self._cancel()
        await asyncio.gather(*map(asyncio.wrap_future, self._telling), return_exceptions=True)

    def _live(self) -> None:
        try:
            asyncio.run(self._beat_until_stopped())
        except BaseException as error:
            if not self._registered.done():
                self._registered.set_exception(error)
            elif not isinstance(error, asyncio.CancelledError):
                logger.exception("The heartbeat of worker %s ended", self._worker.id)
        finally:
            self._ended.set_result(None)

    async def _beat_until_stopped(self) -> None:
        stop = asyncio.Event()
        # Set: renew without delay, since a lock was lost, the last renewal failed, or this ends.
        urgent = asyncio.Event()
        self._listen(stop, urgent)
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
                await self._renew(backend)
                urgent.clear()

            own = Events()
            own.on(PassFailed, self._tell)
            await repeat("heartbeat", beat, stop=stop, clock=self._clock, events=own)
            if self._leave:
                await self._end_lease(backend)
        finally:
            await backend.close()

    async def _renew(self, backend: Backend) -> None:
        """Renew the lease, tell how the worker does, and hear what is asked of it."""
        me, lease = self._worker, self._lease
        renewal = await backend.workers.renew(me.id, lease=lease, vitals=self._vitals())
        if renewal is not None:
            self.others = renewal.others
            self._wishes.hear(renewal.wish)
            return
        logger.warning("Worker %s was given up; it registers anew", me.id)
        await backend.workers.register(me, lease=lease)
        # The row is another one; what was asked of this worker still is.
        await backend.workers.ask(me.id, self._wishes.heard)

    def _tell(self, event: PassFailed) -> None:
        """Tell it to those who listen: they live on the worker's event loop."""
        if self._events.wanted(PassFailed):
            telling = asyncio.run_coroutine_threadsafe(self._events.emit(event), self._home)
            self._telling = [*(t for t in self._telling if not t.done()), telling]

    def _listen(self, *events: asyncio.Event) -> None:
        """Let other threads set the events, or cancel the running task."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - tells the type checker

        def set_all() -> None:
            for event in events:
                event.set()

        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        self._end = lambda: loop.call_soon_threadsafe(set_all)
        if self._stopping:
            set_all()

    async def _end_lease(self, backend: Backend) -> None:
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await backend.workers.leave(self._worker.id)
        except (SoniqError, TimeoutError) as error:
            logger.warning("The lease of worker %s runs out by itself: %s", self._worker.id, error)


def uncancellable() -> Future[None]:
    """Return a future that stays pending when whoever awaits it is cancelled."""
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()
    return future
