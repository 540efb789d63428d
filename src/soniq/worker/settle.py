"""Write outcomes in batches, fenced by worker and claim, for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from soniq import crashpoints
from soniq.backends.contract import Backend
from soniq.batch import Gatherer
from soniq.clock import Clock
from soniq.events import Events, JobSettled, LeaseLost
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
    Outcome,
    Release,
    Retry,
    Settlement,
    Snooze,
)
from soniq.repeat import FIRST_PAUSE, LONGEST_PAUSE
from soniq.worker.attempt import about

logger = logging.getLogger("soniq.worker")

# Seconds from one write to the next, while outcomes come in numbers. Each answer wakes the event
# loop between the moments that sleeping handlers wait for: it then meets these up to 1 ms later.
PACE = 0.005

NAMES: dict[type[Outcome], str] = {
    kind: kind.__name__.lower() for kind in (Complete, Retry, Bury, Snooze, Release, Crash, Cancel)
}


class Settler:
    """Makes outcomes durable. While the database is away they are kept and tried again.

    ``tally`` counts durable outcomes by name (complete, retry, …), and those that were lost.
    ``progress`` is set whenever some have been written; whoever waits for it clears it.
    """

    def __init__(self, backend: Backend, worker_id: str, *, events: Events, clock: Clock) -> None:
        self._backend = backend
        self._worker_id = worker_id
        self._events = events
        self._clock = clock
        self._gatherer: Gatherer[Settlement] = Gatherer(self._settle, pace=PACE)
        self._closed = False
        self.tally: Counter[str] = Counter()
        self.progress = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of outcomes that are not durable yet."""
        return len(self._gatherer)

    def add(self, settlement: Settlement) -> None:
        """Take an outcome, to be written soon, or refused because the claim is no longer ours."""
        self._gatherer.add(settlement)

    async def drain(self, timeout: float | None) -> bool:
        """Wait up to ``timeout`` seconds for all outcomes to be durable; tell whether they are."""
        return await self._gatherer.drain(timeout)

    def close(self) -> None:
        """Give up what can't be written at the next try."""
        self._closed = True

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        try:
            owned = await self._write(settlements)
        except Exception:
            logger.exception("%d outcome(s) could not be written", len(settlements))
            return
        try:
            await self._tell(settlements, owned)
        except Exception:
            logger.exception("What was settled could not be told")

    async def _write(self, settlements: Sequence[Settlement]) -> set[str]:
        pause = FIRST_PAUSE
        while True:
            try:
                owned = await self._backend.jobs.settle(settlements, worker=self._worker_id)
            except Exception as error:
                if self._closed:
                    raise
                # Finished work is kept, whatever goes wrong.
                logger.warning("%d outcome(s) wait for the database: %s", len(settlements), error)
                await asyncio.sleep(pause * (0.9 + 0.2 * self._clock.random()))
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                if crashpoints.ARMED:
                    crashpoints.passed("settle.committed")
                self.progress.set()
                return owned

    async def _tell(self, settlements: Sequence[Settlement], owned: set[str]) -> None:
        """Count and report outcomes that were written or refused."""
        wanted = self._events.wanted(JobSettled)
        for settlement in settlements:
            job, outcome = settlement
            if job.id not in owned:
                self.tally["lost"] += 1
                logger.warning(
                    "Job %s (%s) was taken from this worker",
                    job.job_name, job.id, extra=about(job, self._worker_id),
                )  # fmt: skip
                await self._events.emit(LeaseLost(job.id, job.job_name))
                continue
            self.tally[NAMES[type(outcome)]] += 1
            if not isinstance(outcome, Complete):
                log_failure(settlement, self._worker_id)
            if wanted:
                await self._events.emit(JobSettled(job.id, job.job_name, job.queue, outcome))
        # Queued again: whoever sleeps has to find out anew how long.
        queues = {
            job.queue
            for job, outcome in settlements
            if isinstance(outcome, Retry | Snooze | Release | Crash) and job.id in owned
        }
        if queues:
            await self._backend.wakeups.wake(queues)


def log_failure(settlement: Settlement, worker_id: str) -> None:
    """Say what went wrong with a job; nothing is said of those that went well."""
    job, outcome = settlement
    extra = about(job, worker_id)
    match outcome:
        case Retry(delay, failure):
            logger.warning(
                "Job %s (%s) failed on attempt %d of %d, again in %g s: %s",
                job.job_name, job.id, job.attempt, job.max_attempts, delay, failure.summary,
                extra=extra,
            )  # fmt: skip
        case Crash(failure):
            logger.warning(
                "Job %s (%s) crashed on attempt %d of %d, crash %d: %s",
                job.job_name, job.id, job.attempt, job.max_attempts, job.crashes + 1,
                failure.summary, extra=extra,
            )  # fmt: skip
        case Bury(reason, failure):
            logger.error(
                "Job %s (%s) goes to the dead letters (%s) after attempt %d of %d: %s",
                job.job_name, job.id, reason, job.attempt, job.max_attempts, failure.summary,
                extra=extra,
            )  # fmt: skip
        case Release():
            logger.debug("Job %s (%s) is given back", job.job_name, job.id, extra=extra)
        case _:
            pass
