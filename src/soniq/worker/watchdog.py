"""Notice when a job keeps the event loop from turning, and say which one and where."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import traceback
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from soniq.clock import Clock
from soniq.events import Events, LoopBlocked
from soniq.job import ClaimedJob
from soniq.worker.attempt import about
from soniq.worker.inflight import Inflight

logger = logging.getLogger("soniq.worker")

TICK_SECONDS = 0.25
BLOCKED_SECONDS = 1.0
# The innermost calls tell where it stands; below them is only the machinery of the loop.
FRAMES = 20
NAMED_AT_MOST = 5


@dataclass(slots=True)
class Question:
    """Asked of the loop at ``asked``; it answers by its next turn. ``stack``: told already."""

    asked: float
    answered: float | None = None
    suspects: tuple[ClaimedJob, ...] = ()
    stack: str | None = None


class Watchdog:
    """Asks the event loop for a turn, from a thread, as long as jobs are running.

    One warning for each time that the loop stands still for longer than a second, with the job
    that is on the stack, and one more line when it turns again.
    """

    def __init__(self, inflight: Inflight, *, worker_id: str, events: Events, clock: Clock) -> None:
        self._inflight = inflight
        self._worker_id = worker_id
        self._events = events
        self._clock = clock
        self._ended = threading.Event()
        self._question: Question | None = None
        self._worst: float | None = None
        self._telling: list[Future[None]] = []
        self._thread = threading.Thread(target=self._live, name="soniq-watchdog", daemon=True)

    def start(self) -> None:
        """Watch the loop that this is called on."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._thread.start()

    async def stop(self) -> None:
        """Return when the thread has ended and all listeners have been told."""
        self._ended.set()
        if self._thread.ident is None:
            return
        # Not in a thread of asyncio's pool: handlers may have taken all of them, for long.
        self._thread.join()
        await asyncio.gather(*map(asyncio.wrap_future, self._telling), return_exceptions=True)

    def lag(self) -> float | None:
        """Return by how many seconds the loop was late, at worst since the last call.

        None where no job has run since. May be called from another thread.
        """
        worst, self._worst = self._worst, None
        question = self._question
        if question is None or question.answered is not None:
            return worst
        return max(worst or 0.0, self._clock.monotonic() - question.asked)

    def _live(self) -> None:
        while not self._ended.wait(TICK_SECONDS):
            self._look()
        self._look()

    def _look(self) -> None:
        question, now = self._question, self._clock.monotonic()
        if question is None:
            if self._inflight.running and not self._ended.is_set():
                self._question = question = Question(now)
                self._loop.call_soon_threadsafe(self._answer, question)
        elif question.answered is not None:
            self._question = None
            late = question.answered - question.asked
            self._worst = max(self._worst or 0.0, late)
            if late > BLOCKED_SECONDS:
                self._tell(question, late)
        elif question.stack is None and now - question.asked > BLOCKED_SECONDS:
            question.suspects = self._inflight.on_loop(asyncio.current_task(self._loop))
            question.stack = stack_of(self._loop_thread)
            logger.warning(
                "The event loop has not turned for %.1f s, so no other job moves. %s: use a plain "
                "def (it gets a thread), or await what blocks. It stands here:\n%s",
                now - question.asked, described(question.suspects), question.stack,
                extra=self._about(question.suspects),
            )  # fmt: skip

    def _answer(self, question: Question) -> None:
        question.answered = self._clock.monotonic()

    def _tell(self, question: Question, seconds: float) -> None:
        """Say how long it was; where this thread could not look meanwhile, there is no stack."""
        suspects = question.suspects
        logger.warning(
            "The event loop turns again after %.1f s. %s", seconds,
            described(suspects) if question.stack else
            "Nothing else ran either: the process was stopped, or a call held the interpreter",
            extra=self._about(suspects),
        )  # fmt: skip
        if self._events.wanted(LoopBlocked):
            job = suspects[0] if len(suspects) == 1 else None
            event = LoopBlocked(
                job_id=job.id if job else None,
                job_name=job.job_name if job else None,
                seconds=seconds,
                stack=question.stack or "",
            )
            # Listeners live on the loop, as those of all other events do.
            telling = asyncio.run_coroutine_threadsafe(self._events.emit(event), self._loop)
            self._telling = [*(t for t in self._telling if not t.done()), telling]

    def _about(self, suspects: tuple[ClaimedJob, ...]) -> dict[str, Any]:
        return about(suspects[0], self._worker_id) if len(suspects) == 1 else {}


def stack_of(thread: int) -> str:
    """Return the innermost calls of a thread as text."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    return "".join(traceback.format_stack(frame, FRAMES)) if frame else ""


def described(jobs: tuple[ClaimedJob, ...]) -> str:
    """Return which jobs it was or may have been."""
    if not jobs:
        return "No job is running on it"
    names = ", ".join(f"{job.job_name} ({job.id})" for job in jobs[:NAMED_AT_MOST])
    more = f" and {len(jobs) - NAMED_AT_MOST} more" if len(jobs) > NAMED_AT_MOST else ""
    return f"Blocked by {'job' if len(jobs) == 1 else 'one of the jobs'} {names}{more}"
