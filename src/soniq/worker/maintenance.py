"""Rescue the orphaned, prune the expired, roll up: what every worker does beside its jobs."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from soniq.backends.contract import Backend, Rescued
from soniq.backends.worker_contract import Silence
from soniq.clock import Clock
from soniq.events import Events, JobRescued
from soniq.settings import Settings

logger = logging.getLogger("soniq.worker")

PRUNE_BATCH = 1000
# How often the locks of the others are looked at. A process is gone when its lock is missing twice:
# one that has only lost its connection has a new one, and the lock, within this time.
SILENCE_SECONDS = 1.2
# A worker that is the only one looks for jobs of dead ones as if there could be some, but seldom.
LONELY_SECONDS = 30.0
# Tallies that are not rolled up yet are added up by whoever reads: there shall not be many.
ROLL_UP_BATCH = 5000
ROLL_UP_SECONDS, LONGEST_ROLL_UP_SECONDS = 2.0, 10.0
# A dear pass is followed by so many times its time without one: under a snapshot held for hours,
# each walks past all tallies that were deleted since.
ROLL_UP_REST, LONGEST_ROLL_UP_REST = 50, 60.0


class Maintenance:
    """The passes over the whole database; any number of workers may make them at once."""

    def __init__(
        self,
        backend: Backend,
        settings: Settings,
        *,
        strangers: Mapping[str, float],
        others: Callable[[], int],
        ended: Callable[[], int],
        events: Events,
        clock: Clock,
    ) -> None:
        self._backend = backend
        self._settings = settings
        self._strangers = strangers
        self._others = others
        self._ended = ended
        self._rolled_up = -1
        self._rescued_at = -math.inf
        self._events = events
        self._clock = clock
        self._rescue_from: float | None = None
        self._silent: set[Silence] = set()

    async def rescue(self) -> None:
        """Take back the jobs of workers that are gone.

        After the database was away, living workers may look dead: they get a full lease to renew.
        """
        if self._is_too_soon():
            return
        self._rescued_at = self._clock.monotonic()
        with self._patience_after_failure():
            rescued = await self._backend.jobs.rescue(max_crashes=self._settings.max_crashes)
        for job in rescued:
            logger.warning("Worker %s is gone; job %s %s", job.worker_id, job.job_id, fate(job))
            await self._events.emit(JobRescued(job.job_id, job.job_name, job.worker_id, job.buried))
        queues = {job.queue for job in rescued if not job.buried and not job.cancelled}
        if queues:
            await self._backend.wakeups.wake(queues)

    async def rescue_in_company(self) -> None:
        """Do so where there are other workers, or have been; otherwise twice a minute."""
        if self._others() or self._clock.monotonic() >= self._rescued_at + LONELY_SECONDS:
            await self.rescue()

    async def listen(self) -> float:
        """End the lease of workers whose lock is found missing twice in a row; rescue their jobs.

        A killed process is so noticed within seconds, where the lease alone would take its time.
        Many workers share the looking. Returns the seconds until the next look.
        """
        others = self._others()
        if not others or self._is_too_soon():
            return SILENCE_SECONDS
        with self._patience_after_failure():
            before, self._silent = self._silent, set()
            self._silent = set(await self._backend.workers.silent())
            gone = [
                silence
                for silence in sorted(before & self._silent, key=lambda silence: silence.worker_id)
                if await self._backend.workers.expire(silence)
            ]
        if gone:
            await self.rescue()
        return SILENCE_SECONDS if self._silent else SILENCE_SECONDS * others

    async def roll_up(self) -> float:
        """Add to the rollups what attempts have left to be added, if this worker has ended some.

        Those of all workers are added, so the many share this, too. Returns the seconds until the
        next pass: more after one whose last portion took long, though little was left for it.
        """
        ended, seconds, found = self._ended(), 0.0, ROLL_UP_BATCH
        if ended != self._rolled_up:
            while found == ROLL_UP_BATCH:
                began = self._clock.monotonic()
                found = await self._backend.stats.roll_up(limit=ROLL_UP_BATCH)
                seconds = self._clock.monotonic() - began
            self._rolled_up = ended
        usual = min(ROLL_UP_SECONDS * (1 + self._others()), LONGEST_ROLL_UP_SECONDS)
        return max(usual, min(ROLL_UP_REST * seconds, LONGEST_ROLL_UP_REST))

    def _is_too_soon(self) -> bool:
        return self._rescue_from is not None and self._clock.monotonic() < self._rescue_from

    @contextmanager
    def _patience_after_failure(self) -> Generator[None]:
        try:
            yield
        except Exception:
            self._rescue_from = self._clock.monotonic() + self._settings.heartbeat_timeout
            raise
        self._rescue_from = None

    async def prune(self) -> None:
        """Delete ended jobs past their time, rows of dead workers, and bury what nobody knows."""
        settings = self._settings
        pruned = PRUNE_BATCH
        while pruned == PRUNE_BATCH:
            pruned = await self._backend.jobs.prune(
                older_than=settings.result_ttl, limit=PRUNE_BATCH
            )
        await self._backend.workers.prune()
        await self._backend.stats.prune(older_than=settings.rollup_ttl)
        await self._backend.audit.prune(older_than=settings.audit_ttl)
        patience = self._clock.monotonic() - settings.unknown_task_grace
        names = [name for name, met in self._strangers.items() if met <= patience]
        if names:
            grace = settings.unknown_task_grace
            buried = await self._backend.jobs.bury_unknown(names, grace=grace)
            if buried:
                logger.error("%d job(s) of tasks that no worker knows were buried", buried)


def fate(job: Rescued) -> str:
    """Return what became of a rescued job, in words."""
    if job.cancelled:
        return "is cancelled, as was asked for"
    return "goes to the dead letters" if job.buried else "is queued again"
