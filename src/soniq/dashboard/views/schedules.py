"""Schedules in words, and what has become of their ticks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from soniq.crontab import describe, parse
from soniq.dashboard.views.times import span
from soniq.schedule import Schedule, ScheduleStatus

# A scheduler wakes at the tick itself; so late, there is none.
LATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A schedule: when it fires in words, and how it stands."""

    schedule: Schedule
    words: str
    word: str
    look: str


def schedule_row(schedule: Schedule, now: datetime) -> ScheduleRow:
    """Return the row of one schedule."""
    return ScheduleRow(schedule, in_words(schedule), *standing(schedule, now))


def in_words(schedule: Schedule) -> str:
    """Return when a schedule fires, in English."""
    if schedule.every is not None:
        return f"Every {span(schedule.every)}"
    try:
        return describe(parse(schedule.cron or "").expression)
    except ValueError:  # whoever wrote it may be of another version
        return "By a cron string that can't be read here:"


def standing(schedule: Schedule, now: datetime) -> tuple[str, str]:
    """Return how a schedule stands in a word, and how that looks."""
    if schedule.status is ScheduleStatus.PAUSED:
        return ("paused", "warn")
    if schedule.orphaned_at is not None:
        return ("not in the code", "warn")
    if (now - schedule.next_at).total_seconds() > LATE_SECONDS:
        return ("overdue", "bad")
    return ("active", "good")
