"""The tables ``soniq_schedules`` and ``soniq_schedule_ticks`` in a SQLite file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection

from soniq.backends.schedule_contract import TICKS_KEPT
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import fired as fired_of
from soniq.backends.sqlite.rows import json_list, text
from soniq.backends.sqlite.rows import schedule as schedule_of
from soniq.clock import Clock
from soniq.schedule import Agenda, Fired, Firing, NewSchedule, Schedule, ScheduleStatus

Facts = Mapping[str, str | int | float | None]


class SqliteScheduleStore:
    """Recurring jobs; the clock of this host decides what is due."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def now(self) -> datetime:
        """Return the time of this host."""
        return self._clock.now()

    async def put(self, schedule: NewSchedule) -> Schedule:
        """Write a schedule, or bring the one of that name up to date."""

        def work(connection: Connection) -> Schedule:
            facts = columns(schedule) | {"now": text(self._clock.now())}
            connection.execute(sql("schedules/put"), facts)
            return schedule_of(connection.execute(sql("schedules/get"), facts).fetchone())

        return await self._database.write(work)

    async def get(self, name: str) -> Schedule | None:
        """Return the schedule, or None."""
        record = await self._database.read(
            lambda connection: connection.execute(sql("schedules/get"), {"name": name}).fetchone()
        )
        return schedule_of(record) if record else None

    async def find(self, *, status: ScheduleStatus | None = None) -> list[Schedule]:
        """Return the schedules, sorted by name."""
        records = await self._database.read(
            lambda connection: connection.execute(
                sql("schedules/find"), {"status": status}
            ).fetchall()
        )
        return [schedule_of(record) for record in records]

    async def pause(self, name: str) -> bool:
        """Let the schedule fire no more; tell whether there is one."""
        return await self._change("schedules/pause", {"name": name}) > 0

    async def resume(self, name: str, *, revision: int, next_at: datetime) -> bool:
        """Let it fire again, from ``next_at`` on; False at another revision."""
        facts: Facts = {"name": name, "revision": revision, "next_at": text(next_at)}
        return await self._change("schedules/resume", facts) > 0

    async def remove(self, name: str) -> bool:
        """Delete the schedule and its ticks; tell whether there was one."""

        def work(connection: Connection) -> bool:
            connection.execute(sql("schedules/remove_ticks"), {"name": name})
            return connection.execute(sql("schedules/remove"), {"name": name}).rowcount > 0

        return await self._database.write(work)

    async def disown(self, known: Collection[str]) -> list[str]:
        """Mark the schedules of other code as orphaned; return their names."""

        def work(connection: Connection) -> list[str]:
            facts = {"known": json_list(known), "now": text(self._clock.now())}
            records = connection.execute(sql("schedules/disown"), facts).fetchall()
            return sorted(name for (name,) in records)

        return await self._database.write(work)

    async def agenda(self, known: Collection[str], *, limit: int) -> Agenda:
        """Return the active schedules that come next, and the time."""
        facts = {"known": json_list(known), "limit": limit}
        records = await self._database.read(
            lambda connection: connection.execute(sql("schedules/agenda"), facts).fetchall()
        )
        return Agenda(self._clock.now(), tuple(map(schedule_of, records)))

    async def fire(self, firings: Sequence[Firing]) -> list[Fired]:
        """Fire schedules in one transaction."""

        def work(connection: Connection) -> list[Fired]:
            now = text(self._clock.now())
            return [fired for firing in firings for fired in fire_one(connection, firing, now)]

        return await self._database.write(work)

    async def ticks(self, name: str, *, limit: int) -> list[Fired]:
        """Return the last ticks that were fired, the latest first."""
        facts = {"name": name, "limit": limit}
        records = await self._database.read(
            lambda connection: connection.execute(sql("schedules/ticks"), facts).fetchall()
        )
        return [fired_of(record) for record in records]

    async def _change(self, verb: str, facts: Facts) -> int:
        def work(connection: Connection) -> int:
            now = {"now": text(self._clock.now())}
            return connection.execute(sql(verb), {**facts, **now}).rowcount

        return await self._database.write(work)


def fire_one(connection: Connection, firing: Firing, now: str) -> list[Fired]:
    """Move a schedule on and fire its ticks, unless it is no longer as it was planned for."""
    facts: Facts = {
        "name": firing.name,
        "revision": firing.revision,
        "due": text(firing.due),
        "next_at": text(firing.next_at),
        "missed": firing.missed,
        "now": now,
    }
    moved = connection.execute(sql("schedules/move"), facts).fetchone()
    if moved is None:
        return []
    (queue,) = moved
    fired: list[Fired] = []
    for tick, job_id in firing.ticks:
        row: Facts = {"name": firing.name, "tick_at": text(tick), "job_id": job_id, "now": now}
        if not connection.execute(sql("schedules/note_tick"), row).rowcount:
            continue
        made = connection.execute(sql("schedules/make_job"), row).rowcount > 0
        if not made:
            connection.execute(sql("schedules/forget_job"), row)
        fired.append(Fired(firing.name, queue, tick, job_id if made else None))
    if fired:
        last = {"name": firing.name, "tick_at": text(fired[-1].tick), "job_id": fired[-1].job_id}
        connection.execute(sql("schedules/note_last"), last)
        kept = {"name": firing.name, "kept": TICKS_KEPT}
        connection.execute(sql("schedules/forget_ticks"), kept)
    return fired


def columns(schedule: NewSchedule) -> dict[str, str | int | float | None]:
    """Return the parameters of ``schedules/put``."""
    job, recurrence = schedule.job, schedule.recurrence
    return {
        "name": job.job_name,
        "origin": schedule.origin,
        "cron": recurrence.cron,
        "every": recurrence.every,
        "timezone": recurrence.timezone,
        "missed": recurrence.missed,
        "args": job.args,
        "queue": job.queue,
        "priority": job.priority,
        "max_attempts": job.max_attempts,
        "unique_key": job.unique_key,
        "anchor_at": text(schedule.anchor_at),
        "next_at": text(schedule.next_at),
    }
