"""Ticks of intervals and of cron, and what becomes of those that are due: pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniq.recurrence import Missed, Recurrence, read_recurrence
from soniq.schedule import Firing, Origin, Schedule, ScheduleStatus
from soniq.scheduler.plan import BURST, MOST_COUNTED, plan
from soniq.schedules import daily, weekly
from tests.support.clock import START

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOURLY = Recurrence(cron="0 * * * *")


def due(recurrence: Recurrence, next_at: datetime, anchor: datetime = START) -> Schedule:
    """Return an active schedule whose next tick is ``next_at``."""
    return Schedule(
        name="report",
        status=ScheduleStatus.ACTIVE,
        origin=Origin.ADDED,
        cron=recurrence.cron,
        every=recurrence.every,
        timezone=recurrence.timezone,
        missed=recurrence.missed,
        args={},
        queue="default",
        priority=100,
        max_attempts=4,
        unique_key=None,
        anchor_at=anchor,
        next_at=next_at,
        last_at=None,
        last_job_id=None,
        missed_count=0,
        missed_at=None,
        paused_at=None,
        orphaned_at=None,
        created_at=START,
        updated_at=START,
        revision=3,
    )


def planned(schedule: Schedule, now: datetime) -> Firing:
    """Return the plan, with ids from 1 up."""
    ids = map(str, count(1))
    return plan(schedule, now, lambda: next(ids))


# --- when -----------------------------------------------------------------------------------------


@given(
    every=st.floats(1, 10**7),
    start=st.floats(-(10**8), 10**8),
    span=st.floats(0, 10**3),
)
def test_ticks_of_an_interval_hang_on_their_anchor(every: float, start: float, span: float) -> None:
    """Whoever looks, and whenever, sees the same ticks; the ways to ask agree with each other."""
    interval = Recurrence(every=every)
    begin = START + timedelta(seconds=start)
    end = begin + span * timedelta(seconds=every)
    ticks = list(interval.until(begin, end, START))
    assert ticks == list(islice(walk(interval, begin), len(ticks)))
    assert interval.after(ticks[-1] if ticks else begin, START) > end
    assert all(begin < tick <= end for tick in ticks)
    assert interval.latest(begin, end, START) == (ticks[-1] if ticks else None)
    assert interval.count(begin, end, START, most=10) == len(ticks)


def walk(recurrence: Recurrence, moment: datetime) -> Iterator[datetime]:
    """Yield one tick after another."""
    while True:
        moment = recurrence.after(moment, START)
        yield moment


def test_ticks_of_cron_are_those_of_its_zone() -> None:
    """Nine o'clock in Paris, whatever UTC says; the anchor has no part in it."""
    nine = Recurrence(cron="0 9 * * *", timezone="Europe/Paris")
    july = datetime(2026, 7, 1, tzinfo=UTC)
    assert nine.after(START, START) == START.replace(day=2, hour=8)
    assert nine.after(july, START) == july.replace(hour=7)
    assert nine.latest(START, july, START) == july.replace(month=6, day=30, hour=7)
    assert nine.count(START, july, START, most=1000) == 180
    assert nine.count(START, july, START, most=7) == 7


def test_a_recurrence_takes_what_the_builders_make() -> None:
    """A cron string, a builder that knows its days, an interval as timedelta or number."""
    assert read_recurrence(daily().at("09:00")).cron == "0 9 * * *"
    assert read_recurrence(weekly().on("monday")).cron == "0 0 * * 1"
    assert read_recurrence(every=timedelta(minutes=5)).every == 300.0
    assert read_recurrence(every=1.5).every == 1.5
    assert read_recurrence(every=30, missed="all").missed == "all"


# --- what becomes of what is due ------------------------------------------------------------------


def test_a_tick_in_time_fires_alone() -> None:
    """Whatever the policy: one job, nothing missed, and the next tick is the following one."""
    for missed in ("one", "skip", "all"):
        recurrence = Recurrence(every=60, missed=missed)
        firing = planned(due(recurrence, START + MINUTE), START + MINUTE + 5 * SECOND)
        assert firing == Firing(
            "report", 3, START + MINUTE, START + 2 * MINUTE, ((START + MINUTE, "1"),), 0
        )


@pytest.mark.parametrize(
    ("missed", "minutes", "left_out"),
    [("one", [60], 59), ("skip", [], 60), ("all", [*range(1, 61)], 0)],
)
def test_an_hour_of_missed_minutes(missed: Missed, minutes: list[int], left_out: int) -> None:
    """Half a minute after the sixtieth: one job for all, none, or sixty."""
    recurrence = Recurrence(cron="* * * * *", missed=missed)
    firing = planned(due(recurrence, START + MINUTE), START + 60 * MINUTE + 30 * SECOND)
    assert [tick for tick, _ in firing.ticks] == [START + n * MINUTE for n in minutes]
    assert firing.missed == left_out
    assert firing.next_at == START + 61 * MINUTE


def test_a_burst_goes_on_where_it_ended() -> None:
    """So many ticks at a time; the next tick is the first that is still missing."""
    firing = planned(due(Recurrence(every=1, missed="all"), START), START + timedelta(days=1))
    assert [tick for tick, _ in firing.ticks] == [START + n * SECOND for n in range(BURST)]
    assert firing.next_at == START + BURST * SECOND


def test_the_missed_ticks_of_years_are_counted_quickly() -> None:
    """Intervals by arithmetic; cron up to a thousand."""
    later = START + timedelta(days=3650)
    assert planned(due(Recurrence(every=1), START), later).missed == 3650 * 86_400
    assert planned(due(HOURLY, START), later).missed == MOST_COUNTED


def test_the_row_decides_what_is_due() -> None:
    """A next tick that the recurrence would not give (rules have changed) fires."""
    odd = START + 7 * MINUTE
    firing = planned(due(HOURLY, odd), odd + MINUTE)
    assert firing.ticks == ((odd, "1"),)
    assert firing.next_at == START + timedelta(hours=1)
    late = planned(due(HOURLY, odd), START + timedelta(hours=2))
    assert [tick for tick, _ in late.ticks] == [START + timedelta(hours=2)]
    assert late.missed == 2


def test_times_with_other_offsets_are_the_same_moments() -> None:
    """PostgreSQL may hand out times in any zone."""
    away = timezone(timedelta(hours=5))
    firing = planned(due(HOURLY, START.astimezone(away)), START.astimezone(away))
    assert firing.next_at == START + timedelta(hours=1)
