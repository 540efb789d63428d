"""Numbers over the tables of the memory backend."""

from __future__ import annotations

import heapq
import platform
from collections import Counter
from datetime import datetime, timedelta

from soniq.backends.counts import by_queue
from soniq.backends.ids import first_of
from soniq.backends.memory.standings import standings
from soniq.backends.memory.tables import Tables
from soniq.backends.operator_contract import DatabaseFacts, TableFacts
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.history import Rollup, merged, minute_of
from soniq.job import JobStatus
from soniq.standing import SLOWEST, Arrivals, Made, QueueStanding


class MemoryStatsStore:
    """How many jobs there are, by queue and state."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def standings(self, *, bound: int = 10_000) -> list[QueueStanding]:
        """Return how every queue stands that has something in it, or is paused; always exact."""
        del bound
        with self._tables.lock:
            return standings(self._tables, self._clock.now())

    async def arrivals(self, *, since: datetime, bound: int = 10_000) -> Arrivals:
        """Return how many jobs were enqueued after ``since``, by queue."""
        first = first_of(since - SLOWEST)
        with self._tables.lock:
            rows = [*self._tables.jobs.values()]
            kept = min((row.finished_at for row in rows if row.finished_at), default=None)
            rows += (row.job for row in self._tables.dead_letters.values())
            recent = (row for row in rows if row.id >= first)
            newest = heapq.nlargest(bound, recent, key=lambda row: row.id)
            times: dict[str, list[datetime]] = {}
            for row in newest:
                if row.created_at > since:
                    times.setdefault(row.queue, []).append(row.created_at)
        made = (Made(queue, len(found), min(found)) for queue, found in times.items())
        return Arrivals.counted(made, since=since, bound=bound, kept_since=kept)

    async def database(self) -> DatabaseFacts:
        """Return how many rows there are; nothing else is known of memory."""
        with self._tables.lock:
            rows = {
                "soniq_jobs": len(self._tables.jobs),
                "soniq_dead_letter_jobs": len(self._tables.dead_letters),
                "soniq_workers": len(self._tables.workers),
                "soniq_schedules": len(self._tables.schedules),
            }
            now = self._clock.now()
        tables = tuple(TableFacts(name, 0, 0, rows[name], 0) for name in sorted(rows))
        return DatabaseFacts("memory", platform.python_version(), now, tables, {"hidden": {}})

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, cancelled, dead_letter."""
        with self._tables.lock:
            counted = Counter((row.queue, str(row.status)) for row in self._tables.jobs.values())
            counted.update(
                (row.job.queue, "dead_letter") for row in self._tables.dead_letters.values()
            )
        return by_queue((*kind, number) for kind, number in counted.items())

    async def unserved(self, *, grace: float) -> dict[str, float]:
        """Return the queues with due jobs that no living worker serves, and for how long."""
        with self._tables.lock:
            now = self._clock.now()
            alive = [
                row.identity.queues
                for row in self._tables.workers.values()
                if row.expires_at > now and row.wish is None
            ]
            due = {
                queue: min(heap[0][0] for _, heap in levels)
                for queue in sorted(self._tables.waiting.keys() - self._tables.paused.keys())
                if not any(queues is None or queue in queues for queues in alive)
                and (levels := list(self._tables.levels(queue)))
            }
        waits = {queue: (now - first).total_seconds() for queue, first in due.items()}
        return {queue: seconds for queue, seconds in waits.items() if seconds >= grace}

    async def unknown(self, *, limit: int = 100) -> dict[str, datetime]:
        """Return the tasks of due jobs that no living worker knows, with the first due time."""
        del limit
        with self._tables.lock:
            now = self._clock.now()
            workers = [row for row in self._tables.workers.values() if row.expires_at > now]
            known = {name for row in workers for name in row.identity.tasks}
            due = [
                (row.job_name, row.scheduled_at)
                for row in self._tables.jobs.values()
                if row.status is JobStatus.QUEUED
                and row.scheduled_at <= now
                and row.queue not in self._tables.paused
                and row.job_name not in known
            ]
        # The earliest of each name is the last one to stay.
        return dict(sorted(dict(sorted(due, reverse=True)).items()))

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
        with self._tables.lock:
            found = [
                tally.at(minute, group)
                for minute, tallies in self._tables.tallies.items()
                if minute_of(since) <= minute < until
                for group, tally in tallies.items()
                if queue in {None, group.queue} and job_name in {None, group.job_name}
            ]
        return merged(found, step=step, by_name=by_name)

    async def roll_up(self, *, limit: int) -> int:  # noqa: ARG002 - of the contract
        """Return 0: counts are added at once."""
        return 0

    async def prune(self, *, older_than: float) -> int:
        """Delete the rollups of minutes that ended long enough ago; return how many there were."""
        with self._tables.lock:
            before = later(self._clock.now(), -older_than) - timedelta(minutes=1)
            gone = [minute for minute in self._tables.tallies if minute < before]
            return sum(len(self._tables.tallies.pop(minute)) for minute in gone)
