"""Tell handlers to end that have run for as long as they may. One timer serves all of them."""

from __future__ import annotations

import asyncio
import math
from contextvars import copy_context

from soniq.worker.attempt import Attempt


class Deadlines:
    """The deadlines of the attempts that run.

    A timer for each would cost more than most jobs: nearly all end long before their deadline.
    """

    def __init__(self) -> None:
        self._due: dict[Attempt, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf
        # The timer outlives the attempt that sets it, and must not hold what surrounds that.
        self._context = copy_context()

    def begin(self, attempt: Attempt, seconds: float) -> None:
        """Cancel the task of this attempt in ``seconds``, and mark the attempt as expired."""
        loop = attempt.task.get_loop()
        self._due[attempt] = when = loop.time() + seconds
        if when < self._next:
            self._arm(loop, when)

    def end(self, attempt: Attempt) -> None:
        """Forget its deadline."""
        del self._due[attempt]

    def close(self) -> None:
        """Look at nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = when
        self._timer = loop.call_at(when, self._strike, loop, context=self._context)

    def _strike(self, loop: asyncio.AbstractEventLoop) -> None:
        # A timer may be a little early, by the resolution of the clock.
        now = max(loop.time(), self._next)
        self._next = math.inf
        for attempt, when in self._due.items():
            if not attempt.expired and when <= now:
                attempt.expired = True
                attempt.task.cancel()
        left = [when for attempt, when in self._due.items() if not attempt.expired]
        if left:
            self._arm(loop, min(left))
