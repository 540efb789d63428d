"""The next ticks of a schedule as people read them: in its zone, with a note on clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from soniq.schedule import Schedule

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick to come: the same moment in UTC and in the schedule's zone.

    ``note`` says what the clocks of the zone do around it, where they change within a day.
    """

    at: datetime
    local: datetime
    note: str | None = None


def coming(schedule: Schedule, now: datetime, n: int) -> list[Tick]:
    """Return the first ``n`` ticks after ``now``; an interval is shown in UTC and in its zone."""
    zone = ZoneInfo(schedule.timezone)
    return [tick_in(zone, moment) for moment in islice(moments(schedule, now), n)]


def moments(schedule: Schedule, now: datetime) -> Iterator[datetime]:
    """Yield the ticks after ``now``, without end."""
    moment = now
    while True:
        moment = schedule.recurrence.after(moment, schedule.anchor_at)
        yield moment


def tick_in(zone: ZoneInfo, moment: datetime) -> Tick:
    """Return a tick with its local time and what there is to say about it."""
    local = moment.astimezone(zone)
    return Tick(moment, local, clock_change(zone, local))


def clock_change(zone: ZoneInfo, local: datetime) -> str | None:
    """Return a note where the zone's clocks go forward or back on the day of a local time."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    before, after = midnight.utcoffset(), (midnight + DAY).replace(tzinfo=zone).utcoffset()
    if before is None or after is None or before == after:
        return None
    minutes = abs(after - before) // timedelta(minutes=1)
    way = "forward" if after > before else "back"
    return f"clocks go {way} by {minutes} min on this day"
