"""The time zones that there are, and when their clocks are set forward or back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import MAXYEAR, datetime, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# A link to whatever the machine is set to: another zone on the next machine.
OF_THE_MACHINE = frozenset({"localtime"})


class Change(NamedTuple):
    """A moment (in UTC, without a tzinfo) from which local time minus UTC is ``offset``."""

    moment: datetime
    offset: timedelta


@cache
def names() -> frozenset[str]:
    """Return the IANA names that can be used here."""
    return frozenset(available_timezones() - OF_THE_MACHINE)


def changes_after(zone: ZoneInfo, moment: datetime) -> Iterator[Change]:
    """Yield what follows a moment (in UTC): each change of the offset, and the turn of each year.

    The turn of a year changes nothing. It comes so that years without a change are looked at only
    when somebody gets there.
    """
    for year in range(moment.year, MAXYEAR):
        for change in changes(zone, year):
            if change.moment > moment:
                yield change
    message = f"nothing can be said about the time after the year {MAXYEAR - 1}"
    raise OverflowError(message)


@lru_cache(maxsize=1024)
def changes(zone: ZoneInfo, year: int) -> tuple[Change, ...]:
    """Return the changes after the begin of a year, to the begin of the next one, that included."""
    begin, end = datetime(year, 1, 1), datetime(year + 1, 1, 1)  # noqa: DTZ001 - see Change
    days = [begin + number * DAY for number in range((end - begin).days + 1)]
    found = [change for first, last in pairwise(days) for change in between(zone, first, last)]
    return (*found, Change(end, offset(zone, end)))


def between(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[Change]:
    """Yield the changes after ``first``, up to ``last``: no zone changes back within a day."""
    while (before := offset(zone, first)) != offset(zone, last):
        early, late = first, last
        while (gap := late - early) > SECOND:
            middle = early + timedelta(seconds=gap // SECOND // 2)
            if offset(zone, middle) == before:
                early = middle
            else:
                late = middle
        yield Change(late, offset(zone, late))
        first = late


def offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    """Return local time minus UTC at a moment (in UTC)."""
    return zone.fromutc(moment.replace(tzinfo=zone)).replace(tzinfo=None) - moment
