"""One answer for all who ask within a few seconds: the question is put to the database once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from soniq.clock import Clock

T = TypeVar("T")


class Shared(Generic[T]):
    """An answer that may be given again for so many seconds; whoever comes first asks for it."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float, clock: Clock) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._asking = asyncio.Lock()
        self._answer: T | None = None
        self._asked_at: float | None = None
        self._beside: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return the answer, asked for anew if it is too old."""
        async with self._asking:
            now = self._clock.monotonic()
            if (
                self._answer is None
                or self._asked_at is None
                or now - self._asked_at >= self._seconds
            ):
                # As of before the question: what happens while it is answered may be missing.
                self._asked_at = now
                self._answer = await self._ask()
            return self._answer

    async def get_at_once(self, *, most: float) -> T:
        """Return the answer of up to ``most`` seconds ago; one that is too old is renewed beside.

        Only where there is none does this wait for one.
        """
        answer, asked_at, now = self._answer, self._asked_at, self._clock.monotonic()
        if answer is None or asked_at is None or now - asked_at >= most:
            return await self.get()
        if now - asked_at >= self._seconds and (self._beside is None or self._beside.done()):
            self._beside = asyncio.create_task(self.get())
            # Whoever asks next is told of a failure by asking; nobody waits for this task.
            self._beside.add_done_callback(lambda task: task.cancelled() or task.exception())
        return answer

    def forget(self) -> None:
        """Have it asked for anew: somebody has just changed what it is about."""
        self._asked_at = None
