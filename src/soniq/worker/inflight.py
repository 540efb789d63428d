"""What this worker holds: jobs that run, and the few that are claimed and wait for a slot."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from soniq.clock import Clock
from soniq.job import ClaimedJob
from soniq.outcome import Cancelled, Interrupted, Outcome, Release, Settlement
from soniq.worker.attempt import Attempt
from soniq.worker.settle import Settler

# A worker claims ahead only what it will have started within this time, so that nobody starves;
# where a claim takes long itself, within the time of so many claims.
READ_AHEAD_SECONDS = 0.05
READ_AHEAD_CLAIMS = 3
LONGEST_READ_AHEAD_SECONDS = 0.25
LARGEST_READ_AHEAD = 2000
# What could not be started for this long, against all measurement, goes back to the others.
STALE_SECONDS = 0.5
# Outcomes that wait for the database; beyond that no more jobs are claimed.
LARGEST_BACKLOG = 5000
SHORTEST_MEASUREMENT = 0.005


class Inflight:
    """Runs at most ``concurrency`` jobs at a time and knows how many more may be claimed.

    ``execute`` carries an attempt to its outcome; the settler makes the outcome durable, while the
    slot is free for the next job already.
    """

    def __init__(
        self,
        concurrency: int,
        execute: Callable[[Attempt], Awaitable[Outcome]],
        settler: Settler,
        clock: Clock,
    ) -> None:
        self.concurrency = concurrency
        self._execute = execute
        self._settler = settler
        self._clock = clock
        self._ready: deque[tuple[float, ClaimedJob]] = deque()
        self._apart: deque[ClaimedJob] = deque()
        self._running: set[Attempt] = set()
        self._finished = 0
        self._rate = 0.0
        self._measured_at = clock.monotonic()
        self._claim_seconds = 0.0
        # Every job starts from this context, so that no handler inherits another one's variables.
        self._context = copy_context()
        self._closed = False
        self._abandoned = False
        # With more than that in hand, or nothing written meanwhile, a claim makes no sense yet.
        self._enough = concurrency
        self.changed = settler.progress

    def __len__(self) -> int:
        """Return the number of jobs held, each up to the durable end of its attempt."""
        return len(self._ready) + len(self._apart) + len(self._running) + len(self._settler)

    @property
    def running(self) -> int:
        """The number of handlers that run."""
        return len(self._running)

    def on_loop(self, task: asyncio.Task[Any] | None) -> tuple[ClaimedJob, ...]:
        """Return the job that runs in this task; where none does, all that run on the event loop.

        A handler may have started tasks of its own. May be called from another thread.
        """
        running = list(self._running)
        own = [attempt.job for attempt in running if attempt.task is task]
        return tuple(own or (held.job for held in running if held.executor == "async"))

    def room(self) -> int:
        """Return how many jobs to claim now; 0 while that is better left for later."""
        self._measure()
        if len(self._settler) > LARGEST_BACKLOG:
            return 0
        ahead = read_ahead(self._rate, self._claim_seconds)
        self._enough = self.concurrency + ahead - ahead // 2
        return wanted(self.concurrency - len(self._running), len(self._ready), ahead)

    def claim_took(self, seconds: float) -> None:
        """Note how long a claim took."""
        self._claim_seconds = (self._claim_seconds + seconds) / 2

    def take(self, jobs: Sequence[ClaimedJob]) -> None:
        """Start the jobs, or keep them ready for the next free slots, in their order."""
        now = self._clock.monotonic()
        self._ready.extend((now, job) for job in jobs)
        self._fill()

    def set_apart(self, jobs: Sequence[ClaimedJob]) -> None:
        """Hold jobs that are to run alone."""
        self._apart.extend(jobs)

    @property
    def apart(self) -> ClaimedJob | None:
        """The job that is to run alone next."""
        return self._apart[0] if self._apart else None

    def take_apart(self, *, start: bool) -> None:
        """Start that job like any other, or drop it."""
        job = self._apart.popleft()
        if start:
            self.take([job])

    def claims(self) -> list[ClaimedJob]:
        """Return the claims whose handlers run and may still be told to stop."""
        return [attempt.job for attempt in self._running if may_stop(attempt)]

    def give_back(self, jobs: Iterable[ClaimedJob]) -> None:
        """Release jobs that were claimed and are not started."""
        for job in jobs:
            self._settler.add(Settlement(job, Release()))

    def give_back_stale(self) -> None:
        """Release what has been ready for too long, or waits for another suspect."""
        limit = self._clock.monotonic() - STALE_SECONDS
        stale = [self._apart.pop() for _ in range(1, len(self._apart))]
        while self._ready and self._ready[0][0] < limit:
            stale.append(self._ready.popleft()[1])
        self.give_back(stale)

    def close(self) -> None:
        """Start nothing any more; what runs may end."""
        self._closed = True

    def give_back_unstarted(self) -> None:
        """Release every job that has not been started."""
        self.give_back(self._apart)
        self._apart.clear()
        self.give_back_ready()

    def give_back_ready(self) -> None:
        """Release the jobs that wait for a slot, but for those that are to run alone."""
        self.give_back(job for _, job in self._ready)
        self._ready.clear()

    async def drain(self, timeout: float | None) -> bool:
        """Wait up to ``timeout`` seconds for the running handlers; tell whether all have ended."""
        if self._running:
            await asyncio.wait(self._tasks(), timeout=timeout)
        return not self._running

    async def quiet(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds until no handler runs, none of those that come next."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._running:
                    await asyncio.wait(self._tasks())

    async def flush(self, timeout: float | None) -> bool:
        """Wait up to ``timeout`` seconds for the outcomes to be durable; tell whether all are."""
        return await self._settler.drain(timeout)

    def interrupt(self) -> None:
        """Cancel the running handlers, except those in threads, which nothing can stop."""
        for attempt in self._running:
            if not attempt.unstoppable:
                attempt.stopped = attempt.stopped or Interrupted()
                attempt.task.cancel()

    def stop(self, job: ClaimedJob, ending: Interrupted | Cancelled) -> None:
        """Stop the handler of one claim, which ends so; nothing happens where it has ended."""
        for attempt in self._running:
            if attempt.job is job and may_stop(attempt):
                attempt.stopped = ending
                attempt.task.cancel()

    def abandon(self) -> None:
        """Let go of everything: the jobs are left to be rescued when the lease has run out."""
        self._abandoned = True
        self._settler.close()
        for task in self._tasks():
            task.cancel()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [attempt.task for attempt in self._running]

    def _fill(self) -> None:
        while self._ready and len(self._running) < self.concurrency and not self._closed:
            attempt = Attempt(self._ready.popleft()[1])
            attempt.task = asyncio.create_task(self._carry(attempt), context=self._context.copy())
            self._running.add(attempt)

    async def _carry(self, attempt: Attempt) -> None:
        outcome = await self._execute(attempt)
        self._running.remove(attempt)
        self._finished += 1
        self._fill()
        if len(self._running) + len(self._ready) < self._enough:
            self.changed.set()
        if not self._abandoned:
            self._settler.add(Settlement(attempt.job, outcome))

    def _measure(self) -> None:
        now = self._clock.monotonic()
        elapsed = now - self._measured_at
        if elapsed >= SHORTEST_MEASUREMENT:
            self._rate = (self._rate + self._finished / elapsed) / 2
            self._finished, self._measured_at = 0, now


def read_ahead(rate: float, claim_seconds: float) -> int:
    """Return how many jobs to hold beyond those that run.

    ``rate``: jobs that end in a second; ``claim_seconds``: how long a claim takes. A worker that is
    far from its database, or whose database is busy, must not run dry while a claim is under way.
    """
    seconds = max(READ_AHEAD_SECONDS, READ_AHEAD_CLAIMS * claim_seconds)
    return min(LARGEST_READ_AHEAD, int(rate * min(seconds, LONGEST_READ_AHEAD_SECONDS)))


def wanted(free: int, ready: int, ahead: int) -> int:
    """Return how many jobs to claim now; 0 while that is better left for later.

    ``free``: slots without a job; ``ready``: jobs that wait for one; ``ahead``: how many shall.
    With a free slot and nothing ready, all there is room for. Else not before half of the
    read-ahead is used up: many small claims cost more than a few large ones.
    """
    room = free + ahead - ready
    starving = free and not ready
    return room if starving or room > ahead // 2 else 0


def may_stop(attempt: Attempt) -> bool:
    """Tell whether it can still be told to end: it was not yet, and its job is not done."""
    return attempt.stopped is None and not attempt.completed
