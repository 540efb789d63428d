"""What a question was answered, asked anew when somebody wants to know, but not too often."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from soniq.clock import Clock

logger = logging.getLogger("soniq.observability")

T = TypeVar("T")

# What was true so long before it should have been asked anew is no answer any more.
KEPT_SECONDS = 60.0


class Cached(Generic[T]):
    """Asks at most every ``every`` seconds, however many want to know.

    ``what`` it asks for, in words: where there is no answer, that is said once.
    """

    def __init__(
        self, what: str, ask: Callable[[], Awaitable[T]], *, every: float, clock: Clock
    ) -> None:
        self._what = what
        self._ask = ask
        self._every = every
        self._clock = clock
        self._answer: tuple[T, float] | None = None
        self._asked_at: float | None = None
        self._question: asyncio.Task[None] | None = None
        self._failed = False
        # The question belongs to nobody in particular, least of all to a job.
        self._context = copy_context()

    @property
    def value(self) -> T | None:
        """The latest answer; None if there is none, or none since a minute after it was due."""
        if self._answer is None:
            return None
        answer, moment = self._answer
        return answer if self._clock.monotonic() - moment <= self._every + KEPT_SECONDS else None

    async def refresh(self, patience: float) -> bool:
        """Ask, if it is time, and wait up to ``patience`` seconds; False: no answer yet."""
        question = self.ask_soon()
        if question is None:
            return True
        done, _ = await asyncio.wait([question], timeout=patience)
        return bool(done)

    def ask_soon(self) -> asyncio.Task[None] | None:
        """Ask, if it is time; return the question that is under way, or None."""
        question, now = self._question, self._clock.monotonic()
        if question is not None and is_open(question):
            return question
        if self._asked_at is not None and now - self._asked_at < self._every:
            return None
        self._asked_at = now
        self._question = asyncio.create_task(self._put(), context=self._context.copy())
        return self._question

    async def close(self) -> None:
        """Give up a question that is under way."""
        if self._question is not None and is_open(self._question):
            self._question.cancel()
            await asyncio.wait([self._question])

    async def _put(self) -> None:
        try:
            answer = await self._ask()
        except Exception as error:  # noqa: BLE001 - who only looks must not harm what he looks at
            if not self._failed:
                logger.warning("%s can't be told for now: %s", self._what, error)
            self._failed = True
        else:
            self._answer = (answer, self._clock.monotonic())
            self._failed = False


def is_open(question: asyncio.Task[None]) -> bool:
    """Tell whether an answer may still come; none does from an event loop that was closed."""
    return not question.done() and not question.get_loop().is_closed()
