"""Claim jobs, and give back those whose claim was answered into the void."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from operator import itemgetter

from soniq import crashpoints
from soniq.backends.contract import Queues
from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.settle import Settling
from soniq.clock import Clock
from soniq.job import ClaimedJob

logger = logging.getLogger("soniq.postgres")

# A job's id and the fence of its claim.
Claim = tuple[str, int]
LOOK_SECONDS = 10.0
# UUIDs compare byte by byte in the database as in Python.
CLAIM_ORDER = itemgetter("priority", "scheduled_at", "id")


class Claims:
    """Takes jobs for workers of this process and remembers which ones they know they hold.

    A connection can break after the database has committed a claim and before its answer came. No
    rescue would ever help those jobs, because their worker lives: the next claim gives them back.
    A claim may even be committed long after its connection was given up (a network that delivers
    late, a server that was busy), so this is looked at again from time to time.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._held: defaultdict[str, set[Claim]] = defaultdict(set)
        # When each worker's claims are to be compared with the table, by the monotonic clock.
        self._look_at: dict[str, float] = {}

    async def take(
        self,
        queues: Queues,
        *,
        limit: int,
        worker: str,
        unknown: Collection[str],
        now: datetime | None,
    ) -> list[ClaimedJob]:
        """Take up to ``limit`` due jobs in order."""
        moment = self._clock.monotonic()
        if self._look_at.setdefault(worker, moment + LOOK_SECONDS) <= moment:
            await self._give_back_strays(worker, now)
            self._look_at[worker] = moment + LOOK_SECONDS
        if crashpoints.ARMED:
            crashpoints.passed("claim.before_commit")
        verb, args = statement(queues, limit, worker, unknown, now)
        try:
            records = await self._db.fetch_once(verb, *args)
        except BaseException:  # cancelled, too: it may have been committed all the same
            self._look_at[worker] = moment
            raise
        jobs = [rows.claimed(record) for record in sorted(records, key=CLAIM_ORDER)]
        self._held[worker].update((job.id, job.fence) for job in jobs)
        return jobs

    def settled(self, worker: str, jobs: Iterable[ClaimedJob]) -> None:
        """Forget claims that the worker is through with."""
        self._held[worker].difference_update((job.id, job.fence) for job in jobs)
        if not self._held[worker]:
            del self._held[worker]

    async def _give_back_strays(self, worker: str, now: datetime | None) -> None:
        held = self._held.get(worker, set())
        ids, fences = [job_id for job_id, _ in held], [fence for _, fence in held]
        strays = await self._db.fetch("jobs/strays", worker, ids, fences)
        if strays:
            logger.warning("%d jobs were claimed but never arrived; giving back.", len(strays))
            claims: list[tuple[object, ...]] = [(stray["id"], stray["fence"]) for stray in strays]
            await Settling(self._db, worker, now).write_together("release", claims)


def statement(
    queues: Queues, limit: int, worker: str, unknown: Collection[str], now: datetime | None
) -> tuple[str, tuple[object, ...]]:
    """Return the verb that suits these queues, and its parameters."""
    names = distinct(queues)
    if names is not None and len(names) == 1:
        return "jobs/claim", (now, names[0], limit, worker, list(unknown))
    # More than asked for, because some may be locked by other workers at this moment.
    window = 4 * limit + 50
    return "jobs/claim_across", (now, names, limit, worker, list(unknown), window)


def distinct(queues: Queues) -> list[str] | None:
    """Return every queue once: a queue named twice must not be walked twice."""
    return None if queues is None else list(dict.fromkeys(queues))
