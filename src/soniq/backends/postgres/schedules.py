"""The tables ``soniq_schedules`` and ``soniq_schedule_ticks``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.backends.schedule_contract import TICKS_KEPT
from soniq.clock import Clock
from soniq.schedule import Agenda, Fired, Firing, NewSchedule, Schedule, ScheduleStatus


class PostgresSchedules:
    """Schedules in PostgreSQL; each method is one statement."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def now(self) -> datetime:
        """Return the database's time."""
        (record,) = await self._db.fetch("schedules/now", self._clock.pinned())
        now: datetime = record["time"]
        return now

    async def put(self, schedule: NewSchedule) -> Schedule:
        """Write a schedule, or bring the one of that name up to date."""
        job, recurrence = schedule.job, schedule.recurrence
        (record,) = await self._db.fetch(
            "schedules/put",
            self._clock.pinned(), job.job_name, schedule.origin, recurrence.cron, recurrence.every,
            recurrence.timezone, recurrence.missed, job.args, job.queue, job.priority,
            job.max_attempts, job.unique_key, schedule.anchor_at, schedule.next_at,
        )  # fmt: skip
        return rows.schedule(record)

    async def get(self, name: str) -> Schedule | None:
        """Return the schedule, or None."""
        records = await self._db.fetch("schedules/get", name)
        return rows.schedule(records[0]) if records else None

    async def find(self, *, status: ScheduleStatus | None = None) -> list[Schedule]:
        """Return the schedules, sorted by name."""
        records = await self._db.fetch("schedules/find", status)
        # Sorted here, so that the database's collation has no say.
        return sorted(map(rows.schedule, records), key=lambda schedule: schedule.name)

    async def pause(self, name: str) -> bool:
        """Let the schedule fire no more; tell whether there is one."""
        return bool(await self._db.fetch("schedules/pause", self._clock.pinned(), name))

    async def resume(self, name: str, *, revision: int, next_at: datetime) -> bool:
        """Let it fire again, from ``next_at`` on; False at another revision."""
        return bool(await self._db.fetch_once("schedules/resume", name, revision, next_at))

    async def remove(self, name: str) -> bool:
        """Delete the schedule and its ticks; tell whether there was one."""
        return bool(await self._db.fetch_once("schedules/remove", name))

    async def disown(self, known: Collection[str]) -> list[str]:
        """Mark the schedules of other code as orphaned; return their names."""
        now = self._clock.pinned()
        records = await self._db.fetch("schedules/disown", now, list(known))
        return sorted(record["name"] for record in records)

    async def agenda(self, known: Collection[str], *, limit: int) -> Agenda:
        """Return the active schedules that come next, and the time."""
        now = self._clock.pinned()
        records = await self._db.fetch("schedules/agenda", now, list(known), limit)
        coming = tuple(rows.schedule(record) for record in records if record["name"] is not None)
        return Agenda(records[0]["time"], coming)

    async def fire(self, firings: Sequence[Firing]) -> list[Fired]:
        """Fire schedules in one statement. Repeated, it finds that they have moved on."""
        ticks = [(firing.name, *tick) for firing in firings for tick in firing.ticks]
        records = await self._db.fetch(
            "schedules/fire",
            self._clock.pinned(),
            [firing.name for firing in firings],
            [firing.revision for firing in firings],
            [firing.due for firing in firings],
            [firing.next_at for firing in firings],
            [firing.missed for firing in firings],
            [name for name, _, _ in ticks],
            [tick for _, tick, _ in ticks],
            [job_id for _, _, job_id in ticks],
            TICKS_KEPT,
        )
        return [rows.fired(record) for record in records]

    async def ticks(self, name: str, *, limit: int) -> list[Fired]:
        """Return the last ticks that were fired, the latest first."""
        return [rows.fired(r) for r in await self._db.fetch("schedules/ticks", name, limit)]
