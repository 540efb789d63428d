"""Claim jobs, and give back those whose claim was answered into the void."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from operator import itemgetter

from soniq.backends.contract import Queues
from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.settle import Settling
from soniq.job import ClaimedJob

logger = logging.getLogger("soniq.postgres")

# UUIDs compare byte by byte in the database as in Python.
CLAIM_ORDER = itemgetter("priority", "scheduled_at", "id")


class Claims:
    """Takes jobs for workers of this process and remembers which ones they know they hold.

    A connection can break after the database has committed a claim and before its answer came. No
    rescue would ever help those jobs, because their worker lives: the next claim gives them back.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held: defaultdict[str, set[str]] = defaultdict(set)
        self._doubtful: set[str] = set()

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
        if worker in self._doubtful:
            await self._give_back_strays(worker, now)
        verb, args = statement(queues, limit, worker, unknown, now)
        try:
            records = await self._db.fetch_once(verb, *args)
        except BaseException:  # cancelled, too: it may have been committed all the same
            self._doubtful.add(worker)
            raise
        jobs = [rows.claimed(record) for record in sorted(records, key=CLAIM_ORDER)]
        self._held[worker].update(job.id for job in jobs)
        return jobs

    def settled(self, worker: str, job_ids: Iterable[str]) -> None:
        """Forget jobs that the worker is through with."""
        self._held[worker].difference_update(job_ids)
        if not self._held[worker]:
            del self._held[worker]

    async def _give_back_strays(self, worker: str, now: datetime | None) -> None:
        held = list(self._held.get(worker, ()))
        strays = await self._db.fetch("jobs/strays", worker, held)
        if strays:
            logger.warning("%d jobs were claimed but never arrived; giving back.", len(strays))
            claims: list[tuple[object, ...]] = [(stray["id"], stray["fence"]) for stray in strays]
            await Settling(self._db, worker, now).write_together("release", claims)
        self._doubtful.discard(worker)


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
