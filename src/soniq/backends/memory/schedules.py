"""The schedules of the memory backend."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from soniq.backends.memory.settle import check_json
from soniq.backends.memory.tables import JobRow, Tables
from soniq.backends.schedule_contract import TICKS_KEPT
from soniq.clock import Clock
from soniq.schedule import Agenda, Fired, Firing, NewSchedule, Origin, Schedule, ScheduleStatus


class MemoryScheduleStore:
    """Recurring jobs. A schedule is a frozen value: a change puts another in its place."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def now(self) -> datetime:
        """Return the time of this process."""
        return self._clock.now()

    async def put(self, schedule: NewSchedule) -> Schedule:
        """Write a schedule, or bring the one of that name up to date."""
        check_json(schedule.job.args)
        with self._tables.lock:
            known = self._tables.schedules.get(schedule.job.job_name)
            row = made(schedule, known, self._clock.now())
            self._tables.schedules[row.name] = row
            return row

    async def get(self, name: str) -> Schedule | None:
        """Return the schedule, or None."""
        with self._tables.lock:
            return self._tables.schedules.get(name)

    async def find(self, *, status: ScheduleStatus | None = None) -> list[Schedule]:
        """Return the schedules, sorted by name."""
        with self._tables.lock:
            rows = sorted(self._tables.schedules.values(), key=lambda row: row.name)
        return [row for row in rows if status in {None, row.status}]

    async def pause(self, name: str) -> bool:
        """Let the schedule fire no more; tell whether there is one."""
        with self._tables.lock:
            row = self._tables.schedules.get(name)
            if row is None:
                return False
            self._tables.schedules[name] = replace(
                row,
                status=ScheduleStatus.PAUSED,
                paused_at=row.paused_at or self._clock.now(),
                revision=row.revision + 1,
            )
            return True

    async def resume(self, name: str, *, revision: int, next_at: datetime) -> bool:
        """Let it fire again, from ``next_at`` on; False at another revision."""
        with self._tables.lock:
            row = self._tables.schedules.get(name)
            if row is None or row.revision != revision:
                return False
            self._tables.schedules[name] = replace(
                row,
                status=ScheduleStatus.ACTIVE,
                paused_at=None,
                next_at=next_at,
                revision=revision + 1,
            )
            return True

    async def remove(self, name: str) -> bool:
        """Delete the schedule and its ticks; tell whether there was one."""
        with self._tables.lock:
            self._tables.ticks.pop(name, None)
            return self._tables.schedules.pop(name, None) is not None

    async def disown(self, known: Collection[str]) -> list[str]:
        """Mark the schedules of other code as orphaned; return their names."""
        with self._tables.lock:
            now = self._clock.now()
            lost = [
                row
                for row in self._tables.schedules.values()
                if row.origin is Origin.CODE and row.name not in known and not row.orphaned_at
            ]
            for row in lost:
                self._tables.schedules[row.name] = replace(row, orphaned_at=now)
        return sorted(row.name for row in lost)

    async def agenda(self, known: Collection[str], *, limit: int) -> Agenda:
        """Return the active schedules that come next, and the time."""
        with self._tables.lock:
            coming = sorted(
                (
                    row
                    for row in self._tables.schedules.values()
                    if row.status is ScheduleStatus.ACTIVE
                    and (row.origin is not Origin.CODE or row.name in known)
                ),
                key=lambda row: (row.next_at, row.name),
            )
            return Agenda(self._clock.now(), tuple(coming[:limit]))

    async def fire(self, firings: Sequence[Firing]) -> list[Fired]:
        """Fire schedules under the lock of the tables."""
        with self._tables.lock:
            now = self._clock.now()
            return [fired for firing in firings for fired in self._fire_one(firing, now)]

    async def ticks(self, name: str, *, limit: int) -> list[Fired]:
        """Return the last ticks that were fired, the latest first."""
        with self._tables.lock:
            ticks = self._tables.ticks.get(name, {})
            return [ticks[tick] for tick in sorted(ticks, reverse=True)[:limit]]

    def _fire_one(self, firing: Firing, now: datetime) -> list[Fired]:
        row = self._tables.schedules.get(firing.name)
        if row is None or row.status is not ScheduleStatus.ACTIVE or row.next_at > now:
            return []
        if (row.revision, row.next_at) != (firing.revision, firing.due):
            return []
        ticks = self._tables.ticks.setdefault(row.name, {})
        fired = [
            Fired(row.name, row.queue, tick, self._make_job(row, tick, job_id, now))
            for tick, job_id in firing.ticks
            if tick not in ticks
        ]
        ticks.update({one.tick: one for one in fired})
        for tick in sorted(ticks)[:-TICKS_KEPT]:
            del ticks[tick]
        self._tables.schedules[row.name] = replace(
            row,
            next_at=firing.next_at,
            last_at=fired[-1].tick if fired else row.last_at,
            last_job_id=fired[-1].job_id if fired else row.last_job_id,
            missed_count=row.missed_count + firing.missed,
            missed_at=now if firing.missed else row.missed_at,
            orphaned_at=None,
        )
        return fired

    def _make_job(self, row: Schedule, tick: datetime, job_id: str, now: datetime) -> str | None:
        """Queue the job of a tick; None where a waiting one stands for it."""
        if row.unique_key is not None and row.unique_key in self._tables.holders:
            return None
        job = JobRow(
            id=job_id,
            job_name=row.name,
            queue=row.queue,
            priority=row.priority,
            args=json.dumps(row.args),
            max_attempts=row.max_attempts,
            scheduled_at=tick,
            created_at=now,
            unique_key=row.unique_key,
        )
        self._tables.enqueue(job)
        return job_id


def made(schedule: NewSchedule, known: Schedule | None, now: datetime) -> Schedule:
    """Return the row that a schedule becomes, in the place of the ``known`` one of its name."""
    job, recurrence = schedule.job, schedule.recurrence
    row = Schedule(
        name=job.job_name,
        status=ScheduleStatus.ACTIVE,
        origin=schedule.origin,
        cron=recurrence.cron,
        every=recurrence.every,
        timezone=recurrence.timezone,
        missed=recurrence.missed,
        args=json.loads(job.args),
        queue=job.queue,
        priority=job.priority,
        max_attempts=job.max_attempts,
        unique_key=job.unique_key,
        anchor_at=schedule.anchor_at,
        next_at=schedule.next_at,
        last_at=None,
        last_job_id=None,
        missed_count=0,
        missed_at=None,
        paused_at=None,
        orphaned_at=None,
        created_at=now,
        updated_at=now,
        revision=1,
    )
    if known is None:
        return row
    same = (row.cron, row.every, row.timezone) == (known.cron, known.every, known.timezone)
    return replace(
        row,
        status=known.status,
        anchor_at=known.anchor_at if same else row.anchor_at,
        next_at=known.next_at if same else row.next_at,
        last_at=known.last_at,
        last_job_id=known.last_job_id,
        missed_count=known.missed_count,
        missed_at=known.missed_at,
        paused_at=known.paused_at,
        created_at=known.created_at,
        revision=known.revision + 1,
    )
