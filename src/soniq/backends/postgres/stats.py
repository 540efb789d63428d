"""Numbers over the tables."""

from __future__ import annotations

from datetime import datetime

from soniq.backends.ids import first_of
from soniq.backends.operator_contract import DatabaseFacts
from soniq.backends.postgres import rows
from soniq.backends.postgres.facts import facts
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.standings import standings
from soniq.clock import Clock
from soniq.history import Rollup
from soniq.standing import SLOWEST, Arrivals, Made, QueueStanding

STATES = ("queued", "processing", "done", "cancelled", "dead_letter")


class PostgresStats:
    """Counts in PostgreSQL."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def standings(self, *, bound: int = 10_000) -> list[QueueStanding]:
        """Return how every queue stands that has something in it, or is paused."""
        return await standings(self._db, self._clock.pinned(), bound)

    async def arrivals(self, *, since: datetime, bound: int = 10_000) -> Arrivals:
        """Return how many jobs were enqueued after ``since``, by queue."""
        (kept,) = await self._db.fetch("stats/kept")
        records = await self._db.fetch("stats/arrivals", since, first_of(since - SLOWEST), bound)
        made = (Made(*record) for record in records)
        return Arrivals.counted(made, since=since, bound=bound, kept_since=kept["since"])

    async def database(self) -> DatabaseFacts:
        """Return what the role may see of the database itself."""
        return await facts(self._db, self._clock)

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return the number of jobs per queue and state, and their ``total``; sorted by queue."""
        counts: dict[str, dict[str, int]] = {}
        for record in await self._db.fetch("stats/queues"):
            states = counts.setdefault(record["queue"], dict.fromkeys(STATES, 0))
            states[record["state"]] += record["number"]
        return {
            queue: {"total": sum(states.values()), **states}
            for queue, states in sorted(counts.items())
        }

    async def unserved(self, *, grace: float) -> dict[str, float]:
        """Return the queues with due jobs that no living worker serves, and for how long."""
        records = await self._db.fetch("stats/unserved", self._clock.pinned())
        waits = sorted((record["queue"], record["seconds"]) for record in records)
        return {queue: seconds for queue, seconds in waits if seconds >= grace}

    async def unknown(self, *, limit: int = 100) -> dict[str, datetime]:
        """Return the tasks of due jobs that no living worker knows, with the first due time."""
        records = await self._db.fetch("stats/unknown", self._clock.pinned(), limit)
        return dict(sorted((record["job_name"], record["due_at"]) for record in records))

    async def rollups(
        self,
        *,
        since: datetime,
        until: datetime,
        queue: str | None = None,
        job_name: str | None = None,
        step: float = 60.0,
        by_name: bool = True,
    ) -> list[Rollup]:
        """Return what has become of attempts, step by step, summed over workers."""
        wanted = since, until, queue, job_name, step, by_name
        records = await self._db.fetch("stats/rollups", *wanted)
        return [rows.rollup(record) for record in records]

    async def roll_up(self, *, limit: int) -> int:
        """Add tallies to the rollups; return how many."""
        (record,) = await self._db.fetch("stats/roll_up", limit)
        return int(record["number"])

    async def prune(self, *, older_than: float) -> int:
        """Delete the rollups of minutes that ended long enough ago; return how many rows."""
        now, age = self._clock.pinned(), rows.within_calendar(older_than)
        (record,) = await self._db.fetch("stats/prune", now, age)
        return int(record["pruned"])
