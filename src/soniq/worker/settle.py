"""Write outcomes in batches, fenced by worker and claim, for as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from soniq import crashpoints
from soniq.backends.contract import Backend
from soniq.batch import Batcher
from soniq.clock import Clock
from soniq.events import Events, JobSettled, LeaseLost
from soniq.outcome import Bury, Crash, Release, Retry, Settlement, Snooze
from soniq.repeat import FIRST_PAUSE, LONGEST_PAUSE

logger = logging.getLogger("soniq.worker")


class Settler:
    """Makes outcomes durable. While the database is away they are kept and tried again.

    ``tally`` counts durable outcomes by name (complete, retry, …), and those that were lost.
    """

    def __init__(self, backend: Backend, worker_id: str, *, events: Events, clock: Clock) -> None:
        self._backend = backend
        self._worker_id = worker_id
        self._events = events
        self._clock = clock
        self._batcher: Batcher[Settlement, bool] = Batcher(self._write)
        self._closed = False
        self.tally: Counter[str] = Counter()

    async def settle(self, settlement: Settlement) -> None:
        """Return when the outcome is durable, or refused because the claim is no longer ours."""
        job, outcome = settlement.job, settlement.outcome
        if not await self._batcher.submit(settlement):
            self.tally["lost"] += 1
            logger.warning("Job %s (%s) was taken from this worker", job.job_name, job.id)
            await self._events.emit(LeaseLost(job.id, job.job_name))
            return
        self.tally[type(outcome).__name__.lower()] += 1
        log_failure(settlement)
        if isinstance(outcome, Retry | Snooze | Release | Crash):
            # Queued again: whoever sleeps has to find out anew how long.
            await self._backend.wakeups.wake([job.queue])
        if self._events.wanted(JobSettled):
            await self._events.emit(JobSettled(job.id, job.job_name, outcome))

    async def give_back(self, settlements: Sequence[Settlement]) -> None:
        """Settle several at once, such as unstarted jobs at the end."""
        await asyncio.gather(*(self.settle(settlement) for settlement in settlements))

    def close(self) -> None:
        """Give up what can't be written at the next try."""
        self._closed = True

    async def _write(self, settlements: Sequence[Settlement]) -> list[bool]:
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
                return [settlement.job.id in owned for settlement in settlements]


def log_failure(settlement: Settlement) -> None:
    """Say what went wrong with a job; nothing is said of those that went well."""
    job, outcome = settlement.job, settlement.outcome
    match outcome:
        case Retry(delay, failure):
            logger.warning(
                "Job %s (%s) failed on attempt %d of %d, again in %g s: %s",
                job.job_name, job.id, job.attempt, job.max_attempts, delay, failure.summary,
            )  # fmt: skip
        case Crash(failure):
            logger.warning(
                "Job %s (%s) crashed on attempt %d of %d, crash %d: %s",
                job.job_name, job.id, job.attempt, job.max_attempts, job.crashes + 1,
                failure.summary,
            )  # fmt: skip
        case Bury(reason, failure):
            logger.error(
                "Job %s (%s) goes to the dead letters (%s) after attempt %d of %d: %s",
                job.job_name, job.id, reason, job.attempt, job.max_attempts, failure.summary,
            )  # fmt: skip
        case Release():
            logger.debug("Job %s (%s) is given back", job.job_name, job.id)
        case _:
            pass
