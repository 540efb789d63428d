"""running → draining → abandoning: how far a stop has got, and the signals that ask for it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType
from typing import Any

logger = logging.getLogger("soniq.worker")

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Step(IntEnum):
    """The steps of a stop. DRAIN: running jobs may end. ABANDON: hand them back now."""

    DRAIN = 1
    ABANDON = 2


WORDS = {Step.DRAIN: "finishing running jobs", Step.ABANDON: "handing jobs back now"}


class Shutdown:
    """The first request drains, the second abandons; further ones change nothing.

    ``on_step`` is told of a step when it is asked for, also while the event loop is blocked: it is
    called from signal handlers, so it must neither wait nor raise. ``words`` say what a step means.
    """

    def __init__(
        self,
        on_step: Callable[[Step], None] | None = None,
        *,
        words: Mapping[Step, str] = WORDS,
    ) -> None:
        self._words = words
        self.draining = asyncio.Event()
        self.abandoning = asyncio.Event()
        self._on_step = on_step
        self._asked = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def request(self, step: Step | None = None) -> None:
        """Go one step further towards the end, or to the one given; never back."""
        self._enter(self._ask(step))

    def request_soon(self, step: Step | None = None, *, why: str = "") -> None:
        """Do as ``request``, from a signal handler or another thread, also before the start."""
        asked = self._ask(step)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._enter, asked, why)

    @contextmanager
    def attached(self, *, handle_signals: bool) -> Generator[None]:
        """Serve the running event loop. ``handle_signals``: SIGTERM and SIGINT are requests.

        The former handlers of the signals are put back at the end.
        """
        self._loop = asyncio.get_running_loop()
        if self._asked:
            self._enter(Step(self._asked))
        numbers = SIGNALS if handle_signals else ()
        former = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler or signal.SIG_DFL)
            self._loop = None

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.request_soon(why=signal.Signals(number).name)

    def _ask(self, step: Step | None) -> Step:
        further = step or Step(min(self._asked + 1, Step.ABANDON))
        if further > self._asked:
            self._asked = further
            if self._on_step is not None:
                self._on_step(further)
        return further

    def _enter(self, step: Step, why: str = "") -> None:
        event = self.abandoning if step is Step.ABANDON else self.draining
        if why and not event.is_set():
            logger.info("%s: %s", why, self._words[step])
        event.set()
        self.draining.set()


class Patience:
    """How long an end may still take: ``seconds`` from now, or until the patience is ``lost``."""

    def __init__(self, seconds: float, lost: asyncio.Event | None = None) -> None:
        self._end = asyncio.get_running_loop().time() + seconds
        self._lost = lost or asyncio.Event()

    async def outlast(
        self,
        work: Coroutine[Any, Any, Any],
        at_most: float | None = None,
        *,
        at_least: float = 0.0,
    ) -> None:
        """Wait for the work as long as there is patience, then cancel it.

        ``at_most`` and ``at_least`` so many seconds, however much patience there is.
        """
        left = max(0.0, self._end - asyncio.get_running_loop().time())
        task, loss = asyncio.create_task(work), asyncio.create_task(self._lost.wait())
        try:
            await asyncio.wait(
                [task, loss],
                timeout=left if at_most is None else min(left, at_most),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if at_least and not task.done():
                await asyncio.wait([task], timeout=at_least)
        finally:
            # Not awaited: it may be waiting for a database that does not answer.
            task.cancel()
            loss.cancel()
