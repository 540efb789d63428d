"""Numbers over the tables of a SQLite file."""

from __future__ import annotations

from datetime import datetime, timedelta
from sqlite3 import Connection

from soniq.backends.counts import by_queue
from soniq.backends.ids import first_of
from soniq.backends.operator_contract import DatabaseFacts
from soniq.backends.sqlite.claim import due_at, served
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.facts import facts
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import moment, moment_or_none, rollup, text
from soniq.backends.sqlite.rows import worker as worker_of
from soniq.backends.sqlite.standings import standings
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.history import Rollup, merged, minute_of
from soniq.standing import SLOWEST, Arrivals, Made, QueueStanding


class SqliteStatsStore:
    """How many jobs there are, by queue and state."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def standings(self, *, bound: int = 10_000) -> list[QueueStanding]:
        """Return how every queue stands that has something in it, or is paused."""
        now = self._clock.now()
        return await self._database.read(lambda connection: standings(connection, now, bound))

    async def arrivals(self, *, since: datetime, bound: int = 10_000) -> Arrivals:
        """Return how many jobs were enqueued after ``since``, by queue."""
        wanted = {"since": text(since), "first": first_of(since - SLOWEST), "bound": bound}

        def look(connection: Connection) -> Arrivals:
            (kept,) = connection.execute(sql("stats/kept")).fetchone()
            made = (
                Made(queue, number, moment(first))
                for queue, number, first in connection.execute(sql("stats/arrivals"), wanted)
            )
            kept_since = moment_or_none(kept)
            return Arrivals.counted(made, since=since, bound=bound, kept_since=kept_since)

        return await self._database.read(look)

    async def database(self) -> DatabaseFacts:
        """Return what is known of the file itself."""
        return await facts(self._database, self._clock.now())

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, cancelled, dead_letter."""
        records = await self._database.read(
            lambda connection: connection.execute(sql("stats/queues")).fetchall()
        )
        return by_queue(records)

    async def unserved(self, *, grace: float) -> dict[str, float]:
        """Return the queues with due jobs that no living worker serves, and for how long."""
        now = self._clock.now()
        due = await self._database.read(lambda connection: first_unserved(connection, now))
        waits = {queue: (now - moment(first)).total_seconds() for queue, first in due.items()}
        return {queue: seconds for queue, seconds in waits.items() if seconds >= grace}

    async def unknown(self, *, limit: int = 100) -> dict[str, datetime]:
        """Return the tasks of due jobs that no living worker knows, with the first due time."""
        now = text(self._clock.now())
        return await self._database.read(lambda connection: first_unknown(connection, now, limit))

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
        wanted = {
            "since": text(minute_of(since)),
            "until": text(until),
            "queue": queue,
            "job_name": job_name,
        }
        records = await self._database.read(
            lambda connection: connection.execute(sql("stats/rollups"), wanted).fetchall()
        )
        return merged((rollup(record) for record in records), step=step, by_name=by_name)

    async def roll_up(self, *, limit: int) -> int:  # noqa: ARG002 - of the contract
        """Return 0: counts are added at once."""
        return 0

    async def prune(self, *, older_than: float) -> int:
        """Delete the rollups of minutes that ended long enough ago; return how many rows."""

        def work(connection: Connection) -> int:
            before = later(self._clock.now(), -older_than) - timedelta(minutes=1)
            return connection.execute(sql("stats/prune"), {"before": text(before)}).rowcount

        return await self._database.write(work)


def first_unserved(connection: Connection, now: datetime) -> dict[str, str]:
    """Return the queues with queued jobs that no living worker serves, and what is due first."""
    rows = connection.execute(sql("workers/find"), {"now": text(now)}).fetchall()
    alive = [w.queues for w in map(worker_of, rows) if w.alive and w.wish is None]
    return {
        queue: first
        for queue in served(connection, None)
        if not any(queues is None or queue in queues for queues in alive)
        and (first := due_at(connection, (queue,), ()))
    }


def first_unknown(connection: Connection, now: str, limit: int) -> dict[str, datetime]:
    """Return the tasks of due jobs near the front that no living worker knows, sorted."""
    rows = connection.execute(sql("workers/find"), {"now": now}).fetchall()
    known = {name for worker in map(worker_of, rows) if worker.alive for name in worker.tasks}
    found: dict[str, str] = {}
    for queue in served(connection, None):
        wanted = {"queue": queue, "now": now, "limit": limit}
        for name, first in connection.execute(sql("stats/first"), wanted):
            if name not in known:
                found[name] = min(first, found.get(name, first))
    return {name: moment(found[name]) for name in sorted(found)}
