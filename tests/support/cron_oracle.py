"""When cron strings fire, found by looking at the clock every minute: slow, plain, no library.

As a program (``python -m tests.support.cron_oracle``) it compares 25 zones over 20 years for 12
patterns. Days about which no clock is changed are not walked minute by minute: there the calendar
says it all.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from time import monotonic
from zoneinfo import ZoneInfo

from soniq.crontab import Crontab, parse

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times here are minutes since then
DAY = 24 * 60
YEARS = range(2006, 2026)
ZONES = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Caracas",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Europe/Moscow",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Fiji",
    "Pacific/Norfolk",
    "UTC",
)
PATTERNS = (
    "*/15 * * * *",
    "0 * * * *",
    "0 */2 * * *",
    "* 2 * * *",
    "30 2 * * *",
    "0 3 * * *",
    "0 0 * * *",
    "0-59/10 0-4 * * *",
    "15,45 23,0,1 * * SUN,fri",
    "30 1 * mar,oct-NOV 7",
    "5 0 1,15 * mon-tue",
    "59 23 31 * *",
)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def numbers(text: str, low: int, high: int, names: Sequence[str] = ()) -> set[int]:
    """Return the values of a field."""
    found: set[int] = set()
    for item in text.lower().split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = names.index(first) + low if first in names else int(first)
            end = names.index(last) + low if last in names else int(last or begin)
        found.update(range(begin, end + 1, int(step or 1)))
    return found


class Pattern:
    """What a cron string matches on a clock that nobody sets; times are minutes since ``EPOCH``."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.split()
        self.wild = minute[0] == "*" or hour[0] == "*"
        self.times = sorted(
            60 * h + m for h in numbers(hour, 0, 23) for m in numbers(minute, 0, 59)
        )
        self.days = numbers(day, 1, 31)
        self.months = numbers(month, 1, 12, MONTHS)
        self.weekdays = {number % 7 for number in numbers(weekday, 0, 7, WEEKDAYS)}
        self.both = day[0] == "*" or weekday[0] == "*"
        self.dates: dict[int, frozenset[int]] = {}

    def on(self, number: int) -> frozenset[int]:
        """Return the matching minutes of a day: the day with that number since ``EPOCH``."""
        if number not in self.dates:
            self.dates[number] = frozenset(self.times if self.is_day(number) else ())
        return self.dates[number]

    def is_day(self, number: int) -> bool:
        """Tell whether the fields for day, month and weekday match."""
        at = (EPOCH + timedelta(days=number)).date()
        if at.month not in self.months:
            return False
        found = (at.day in self.days, at.isoweekday() % 7 in self.weekdays)
        return all(found) if self.both else any(found)

    def matches(self, wall: int) -> bool:
        """Tell whether a time on the wall matches."""
        number, minute = divmod(wall, DAY)
        return minute in self.on(number)


def minutes(moment: datetime) -> int:
    """Return a moment as whole minutes since ``EPOCH``, of UTC or of a clock on the wall."""
    since = moment.replace(tzinfo=None) - EPOCH
    assert since % timedelta(minutes=1) == timedelta(0), f"{moment} is no whole minute"
    return since // timedelta(minutes=1)


def moment_of(minute: int) -> datetime:
    """Return the moment of a minute since ``EPOCH``."""
    return (EPOCH + timedelta(minutes=minute)).replace(tzinfo=UTC)


def wall_of(zone: ZoneInfo, minute: int) -> int:
    """Return what a clock on the wall shows."""
    return minutes(moment_of(minute).astimezone(zone))


def walk(pattern: Pattern, walls: Sequence[int], first: int) -> Iterator[int]:
    """Yield the minutes at which a pattern fires, watching the clock from the minute ``first``.

    As in Debian's cron: wildcards look at the clock alone. Particular times are compared with all
    that the clock has gone through since the latest time that it ever showed, whether it showed
    each or leapt over it; a clock that was set back is waited for.
    """
    latest = walls[0] - 1
    for minute, wall in enumerate(walls, start=first):
        if pattern.wild:
            fires = pattern.matches(wall)
        else:
            fires = any(pattern.matches(passed) for passed in range(latest + 1, wall + 1))
            latest = max(latest, wall)
        if fires:
            yield minute


class Calendar:
    """The days of a zone, from midnight in UTC, and about which of them its clocks are changed."""

    def __init__(self, name: str, years: range) -> None:
        self.zone = ZoneInfo(name)
        self.first = minutes(datetime(years.start, 1, 1)) // DAY  # noqa: DTZ001
        self.last = minutes(datetime(years.stop, 1, 1)) // DAY  # noqa: DTZ001
        hours = range((self.first - 1) * DAY, (self.last + 1) * DAY + 1, 60)
        self.offset = {hour: wall_of(self.zone, hour) - hour for hour in hours}
        self.changed = {
            hour // DAY for hour in hours[:-1] if self.offset[hour] != self.offset[hour + 60]
        }

        self.seen: dict[tuple[int, int], list[int]] = {}

    def is_calm(self, day: int) -> bool:
        """Tell whether clocks go on as they are, from the day before to the day after."""
        return self.changed.isdisjoint((day - 1, day, day + 1))

    def ticks(self, pattern: Pattern, first: int, last: int) -> Iterator[int]:
        """Yield the minutes at which a pattern fires from the day ``first`` on, before ``last``."""
        for calm, days in groupby(range(first, last), self.is_calm):
            if calm:
                for day in days:
                    yield from self.undisturbed(pattern, day)
            else:
                run = list(days)
                walls = self.walls(run[0], run[-1] + 1)
                yield from walk(pattern, walls, run[0] * DAY)

    def undisturbed(self, pattern: Pattern, day: int) -> list[int]:
        """Return the minutes of a day of UTC at which a pattern fires, clocks being left alone."""
        offset = self.offset[day * DAY]
        found = [
            date * DAY + minute - offset
            for date in (day - 1, day, day + 1)
            for minute in pattern.on(date)
        ]
        return sorted(minute for minute in found if minute // DAY == day)

    def walls(self, first: int, last: int) -> list[int]:
        """Return what the clock on the wall shows in each minute from a day on, before another."""
        if (first, last) not in self.seen:
            each = range(first * DAY, last * DAY)
            self.seen[first, last] = [wall_of(self.zone, minute) for minute in each]
        return self.seen[first, last]


def differences(crontab: Crontab, expected: Sequence[int], first: int, last: int) -> int:
    """Return how many ticks are wrong or missing from the day ``first`` on, before ``last``."""
    begin, end = moment_of(first * DAY - 1), moment_of(last * DAY - 1)
    found = [minutes(tick) for tick in crontab.until(begin, end)]
    return 0 if found == expected else max(1, len(set(found).symmetric_difference(expected)))


def misses(crontab: Crontab, expected: Sequence[int], chance: Random, looks: int) -> int:
    """Return how often ``after`` and ``latest`` err at moments by chance, between known ticks."""
    wrong = 0
    begin = moment_of(expected[0] - 1)
    for _ in range(looks):
        minute = chance.randrange(expected[0], expected[-1])
        moment = moment_of(minute) + timedelta(seconds=chance.randrange(60))
        place = bisect_right(expected, minute)
        wrong += crontab.after(moment) != moment_of(expected[place])
        wrong += crontab.latest(begin, moment) != moment_of(expected[place - 1])
    return wrong


def main() -> int:
    """Compare everything, print the counts, and return how much differs."""
    chance = Random(1)
    all_ticks = all_wrong = 0
    for name in ZONES:
        started, ticks, wrong = monotonic(), 0, 0
        calendar = Calendar(name, YEARS)
        for text in PATTERNS:
            crontab = parse(text, name)
            expected = list(calendar.ticks(Pattern(text), calendar.first, calendar.last))
            ticks += len(expected)
            wrong += differences(crontab, expected, calendar.first, calendar.last)
            wrong += misses(crontab, expected, chance, looks=100)
        took = monotonic() - started
        print(f"{name:24}{ticks:10,} ticks {wrong:6} differences {took:6.1f} s", flush=True)  # noqa: T201
        all_ticks, all_wrong = all_ticks + ticks, all_wrong + wrong
    print(f"{all_ticks:,} ticks, {all_wrong} differences")  # noqa: T201
    return all_wrong


if __name__ == "__main__":
    sys.exit(min(main(), 1))
