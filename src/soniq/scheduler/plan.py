"""What becomes of a due schedule: which ticks are fired, and which are missed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

from soniq.schedule import Firing, Schedule

# With missed="skip": a tick this late still counts as fired in time. Another scheduler needs a
# moment to take over from one that has died.
IN_TIME = timedelta(seconds=10)
# With missed="all": so many at a time, the rest by the next passes.
BURST = 100
# Ticks of cron are counted one by one: nobody needs the exact number of a year.
MOST_COUNTED = 1000


def plan(schedule: Schedule, now: datetime, new_id: Callable[[], str]) -> Firing:
    """Return what to fire of a schedule whose ``next_at`` is not after ``now``.

    The last tick that is due fires; of those before it, ``one`` and ``skip`` fire none. ``skip``
    leaves out the last one, too, when it is more than 10 s late. ``all`` fires every one.
    """
    recurrence, anchor = schedule.recurrence, schedule.anchor_at
    # The first due tick is what the row says, whatever the recurrence would say by now.
    first = schedule.next_at
    if schedule.missed == "all":
        ticks = [first, *islice(recurrence.until(first, now, anchor), BURST - 1)]
        return firing(schedule, ticks, recurrence.after(ticks[-1], anchor), new_id)
    last = recurrence.latest(first, now, anchor) or first
    earlier = recurrence.count(first, last, anchor, most=MOST_COUNTED)
    next_at = recurrence.after(now, anchor)
    if schedule.missed == "skip" and now - last > IN_TIME:
        return firing(schedule, [], next_at, new_id, missed=earlier + 1)
    return firing(schedule, [last], next_at, new_id, missed=earlier)


def firing(
    schedule: Schedule,
    ticks: list[datetime],
    next_at: datetime,
    new_id: Callable[[], str],
    *,
    missed: int = 0,
) -> Firing:
    """Return the firing of these ticks, each with a fresh id for its job."""
    return Firing(
        schedule.name,
        schedule.revision,
        schedule.next_at,
        next_at,
        tuple((tick, new_id()) for tick in ticks),
        missed,
    )
