"""Claim jobs, and give back those whose claim was answered into the void."""

from __future__ import annotations

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter

import asyncpg

from soniq import crashpoints
from soniq.backends.contract import Queues
from soniq.backends.postgres import rows
from soniq.backends.postgres.floors import Floors, Level, Place, columns, place
from soniq.backends.postgres.front import FrontLooks
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.settle import Settling
from soniq.clock import Clock
from soniq.errors import DatabaseError
from soniq.job import ClaimedJob
from soniq.outcome import Crash, Release, Settlement

logger = logging.getLogger("soniq.postgres")

# A job's id and the fence of its claim.
Claim = tuple[str, int]
LOOK_SECONDS = 10.0
# UUIDs compare byte by byte in the database as in Python.
CLAIM_ORDER = itemgetter("priority", "scheduled_at", "id")
# Of several queues, how many jobs are looked at beyond those that are wanted: some are in the hands
# of other claims. After a look that found none, they all may be.
BEYOND, FAR_BEYOND = 200, 5000
# A queue that had many of the last jobs is looked at for so many times its share of those to come.
GENEROSITY, MOST_SHARES = 1.3, 32


class Claims:
    """Takes jobs for workers of this process and remembers which ones they know they hold.

    A connection can break after the database has committed a claim and before its answer came. No
    rescue would ever help those jobs, because their worker lives: the next claim gives them back.
    A claim may even be committed long after its connection was given up (a network that delivers
    late, a server that was busy), so after the first that broke this is looked at again and again.
    """

    def __init__(
        self, db: Database, clock: Clock, rouse: Callable[[Collection[str]], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._held: defaultdict[str, set[Claim]] = defaultdict(set)
        # For workers that had a claim broken: when their claims are compared with the table next,
        # by the monotonic clock.
        self._look_at: dict[str, float] = {}
        self._floors = Floors()
        self.front = FrontLooks(db, clock, self._floors, rouse)
        self._shares: dict[str, float] = {}
        self._beyond = BEYOND

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
        if self._look_at.get(worker, math.inf) <= moment:
            await self._give_back_strays(worker, now)
            self._look_at[worker] = moment + LOOK_SECONDS
        if crashpoints.ARMED:
            crashpoints.passed("claim.before_commit")
        names, facts = distinct(queues), (limit, worker, list(unknown))
        try:
            if names is not None and len(names) == 1:
                records = await self._look("claim", now, names, facts)
            else:
                records = await self._take_across(now, names, facts)
        except BaseException:  # cancelled, too: it may have been committed all the same
            self._look_at[worker] = moment
            raise
        jobs = [rows.claimed(record) for record in records]
        self._held[worker].update((job.id, job.fence) for job in jobs)
        return jobs

    async def due_in(
        self, queues: Queues, *, unknown: Collection[str], now: datetime | None
    ) -> float | None:
        """Return the seconds until the next job is due, None if none waits."""
        began = self._clock.monotonic()
        floors = self._floors_at(began, unknown)
        args = now, distinct(queues), list(unknown)
        if floors:
            (record,) = await self._db.fetch("jobs/due_in_after", *args, *columns(floors))
        else:
            (record,) = await self._db.fetch("jobs/due_in", *args)
            await self._looked_from_front(began)
        seconds: float | None = record["seconds"]
        return None if seconds is None else max(seconds, 0.0)

    def settled(self, worker: str, settlements: Sequence[Settlement]) -> None:
        """Forget claims that the worker is through with."""
        self._held[worker].difference_update((one.job.id, one.job.fence) for one in settlements)
        if not self._held[worker]:
            del self._held[worker]
        if any(isinstance(one.outcome, Release | Crash) for one in settlements):
            self.put_back()

    def put_back(self) -> None:
        """Take note that jobs wait again that are due as they were before."""
        self._floors.put_back(self._clock.monotonic())

    async def _take_across(
        self, now: datetime | None, names: list[str] | None, facts: tuple[int, str, list[str]]
    ) -> list[asyncpg.Record]:
        limit = facts[0]
        ahead = [min(limit, int(GENEROSITY * part * limit) + 1) for part in self._shares.values()]
        reach = limit + self._beyond, list(self._shares), ahead
        records = await self._look("claim_across", now, names, facts, *reach)
        self._beyond = BEYOND if records else FAR_BEYOND
        if records and len(records) < limit:
            self._shares = shares(record["queue"] for record in records)
        return records

    async def _look(
        self,
        verb: str,
        now: datetime | None,
        names: list[str] | None,
        facts: tuple[int, str, list[str]],
        *reach: object,
    ) -> list[asyncpg.Record]:
        """Run a claim, from the front or from floors on; return what it took, in order."""
        began = self._clock.monotonic()
        floors = self._floors_at(began, facts[2])
        if floors:
            reach = reach or (0, [], [])  # one queue has nobody to be merged with
            args = (now, names, *facts, *reach, *columns(floors))
            records = await self._db.fetch_once("jobs/claim_after", *args)
        else:
            served = names[0] if names and verb == "claim" else names
            records = await self._db.fetch_once(f"jobs/{verb}", now, served, *facts, *reach)
        records.sort(key=CLAIM_ORDER)
        places = list(map(place, records))
        self._floors.taken(places, moment=began)
        if not floors:
            await self._looked_from_front(began, places)
        return records

    def _floors_at(self, moment: float, unknown: Collection[str]) -> Mapping[Level, Place]:
        """Return the floors to start from, and have a look below them where it is time for one."""
        floors = self._floors.now()
        if floors and self._floors.due(moment):
            self.front.start(dict(floors), unknown)
        return floors

    async def _looked_from_front(
        self, began: float, found: Sequence[tuple[Level, Place]] = ()
    ) -> None:
        """Have floors only where a look from the front has seen all that waits.

        It sees nothing of queues that are paused. Which those are matters, and is asked, only after
        a look that was dear, so that floors come into use.
        """
        ended = self._clock.monotonic()
        self._floors.looked_from_front(began=began, ended=ended, found=found)
        if self._floors.now():
            try:
                paused = await self._db.fetch("queues/paused")
            except (DatabaseError, asyncpg.PostgresError):  # what was claimed must not be lost
                self._floors.put_back(ended)
            else:
                self._floors.forget({record["queue"] for record in paused})

    async def _give_back_strays(self, worker: str, now: datetime | None) -> None:
        held = self._held.get(worker, set())
        ids, fences = [job_id for job_id, _ in held], [fence for _, fence in held]
        strays = await self._db.fetch("jobs/strays", worker, ids, fences)
        if strays:
            logger.warning("%d jobs were claimed but never arrived; giving back.", len(strays))
            claims: list[tuple[object, ...]] = [(stray["id"], stray["fence"]) for stray in strays]
            await Settling(self._db, worker, now).write_together("release", claims)
            self.put_back()


def distinct(queues: Queues) -> list[str] | None:
    """Return every queue once: a queue named twice must not be walked twice."""
    return None if queues is None else list(dict.fromkeys(queues))


def shares(queues: Iterable[str]) -> dict[str, float]:
    """Return which part of these queues of jobs each has, of those that have most."""
    counts = Counter(queues)
    return {queue: count / counts.total() for queue, count in counts.most_common(MOST_SHARES)}
