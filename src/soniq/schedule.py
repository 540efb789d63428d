"""What a schedule is: as asked for, as it stands in the database, and what a pass makes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from soniq.job import NewJob, Row
from soniq.recurrence import Missed, Recurrence


class ScheduleStatus(StrEnum):
    """Whether a schedule fires."""

    ACTIVE = "active"
    PAUSED = "paused"


class Origin(StrEnum):
    """Where a schedule comes from: ``@app.periodic()``, or ``app.scheduler.add()``."""

    CODE = "code"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """A schedule on its way into the database; everything about it is decided.

    ``job`` is the pattern of the jobs that it makes. ``anchor_at`` and ``next_at`` count only where
    there is no schedule of that name, or where it is to fire by another recurrence from now on.
    """

    job: NewJob
    recurrence: Recurrence
    origin: Origin
    anchor_at: datetime
    next_at: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Schedule(Row):
    """A schedule as it stood when it was read; its name is that of the task that it runs.

    Times are aware and in UTC. ``next_at`` is the next tick; ``last_at`` the last one that was
    fired, with ``last_job_id`` (None where a waiting unique job stood for it). ``missed_count``
    ticks were not fired because nobody could at their time, the last of them noticed at
    ``missed_at``. ``orphaned_at``: since when the code that runs does not declare it any more.
    """

    name: str
    status: ScheduleStatus
    origin: Origin
    cron: str | None
    every: float | None
    timezone: str
    missed: Missed
    args: dict[str, Any]
    queue: str
    priority: int
    max_attempts: int
    unique_key: str | None
    anchor_at: datetime
    next_at: datetime
    last_at: datetime | None
    last_job_id: str | None
    missed_count: int
    missed_at: datetime | None
    paused_at: datetime | None
    orphaned_at: datetime | None
    created_at: datetime
    updated_at: datetime
    revision: int

    @property
    def recurrence(self) -> Recurrence:
        """When it fires."""
        return Recurrence(self.cron, self.every, self.timezone, self.missed)

    def job(self, job_id: str) -> NewJob:
        """Return a job after its pattern, due at once."""
        return NewJob(
            id=job_id,
            job_name=self.name,
            queue=self.queue,
            priority=self.priority,
            args=json.dumps(self.args),
            max_attempts=self.max_attempts,
            unique_key=self.unique_key,
        )


@dataclass(frozen=True, slots=True)
class Firing:
    """What is to become of a due schedule: the ticks to fire, each with the id of its job.

    It holds only while the schedule is active, has this ``revision`` and its next tick is ``due``.
    """

    name: str
    revision: int
    due: datetime
    next_at: datetime
    ticks: tuple[tuple[datetime, str], ...] = ()
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Fired:
    """A tick that was fired; ``job_id`` is None where a waiting unique job stands for it."""

    name: str
    queue: str
    tick: datetime
    job_id: str | None


@dataclass(frozen=True, slots=True)
class Agenda:
    """The schedules that come next, soonest first, and the present moment by the same clock."""

    now: datetime
    schedules: tuple[Schedule, ...]

    @property
    def due(self) -> tuple[Schedule, ...]:
        """Those whose next tick has come."""
        return tuple(schedule for schedule in self.schedules if schedule.next_at <= self.now)

    @property
    def next_in(self) -> float | None:
        """The seconds until the first of the others is due, or None if there are no others."""
        coming = (schedule.next_at for schedule in self.schedules if schedule.next_at > self.now)
        first = next(coming, None)
        return None if first is None else (first - self.now).total_seconds()
