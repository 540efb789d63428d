"""Crontabs beside a look at the clock every minute: a sample; the support module compares all."""

from __future__ import annotations

from itertools import groupby
from random import Random

import pytest

from soniq.crontab import Crontab, parse
from tests.support.cron_oracle import (
    PATTERNS,
    YEARS,
    ZONES,
    Calendar,
    Pattern,
    differences,
    misses,
    walk,
)

PARIS = Calendar("Europe/Paris", range(2026, 2027))


def sample(calendar: Calendar, chance: Random) -> list[range]:
    """Return the days about each change of the clocks, and ten more by chance."""
    days = range(calendar.first, calendar.last)
    runs = [list(run) for calm, run in groupby(days, calendar.is_calm) if not calm]
    other = chance.randrange(calendar.first, calendar.last - 10)
    return [*(range(run[0], run[-1] + 1) for run in runs), range(other, other + 10)]


def compare(calendar: Calendar, crontab: Crontab, days: range, chance: Random) -> tuple[int, int]:
    """Return how many ticks there are in some days, and how many differ."""
    expected = list(calendar.ticks(Pattern(crontab.expression), days.start, days.stop))
    wrong = differences(crontab, expected, days.start, days.stop)
    if len(expected) > 1:
        wrong += misses(crontab, expected, chance, looks=3)
    return len(expected), wrong


@pytest.mark.parametrize("name", ZONES)
def test_a_crontab_fires_when_the_clock_says_so(name: str) -> None:
    """About changed clocks and in between, each zone and pattern gives the ticks of the oracle."""
    chance = Random(name)
    # In 2011 Samoa left out a day.
    year = 2011 if name == "Pacific/Apia" else chance.choice(YEARS)
    calendar = Calendar(name, range(year, year + 1))
    for days in sample(calendar, chance):
        for text in PATTERNS:
            ticks, wrong = compare(calendar, parse(text, name), days, chance)
            assert wrong == 0, f"{wrong} of {ticks} ticks differ: {text} in {year}, {days}"


@pytest.mark.parametrize(
    ("text", "written_as_times", "differing"),
    [
        # In March the four quarters fire at once, in October they do not fire again.
        ("*/15 2 * * *", "0,15,30,45 2 * * *", 5),
        ("0 * * * *", "0 0-23 * * *", 1),
    ],
)
def test_the_comparison_can_fail(text: str, written_as_times: str, differing: int) -> None:
    """The rule for wildcards is not that for particular times, and the oracle knows both."""
    days = range(PARIS.first, PARIS.last)
    expected = list(PARIS.ticks(Pattern(text), days.start, days.stop))
    crontab = parse(written_as_times, "Europe/Paris")
    assert differences(crontab, expected, days.start, days.stop) == differing


def test_the_calendar_stands_for_the_walk() -> None:
    """Where no clock is changed, looking at dates gives what looking at each minute gives."""
    first = next(day for day in range(PARIS.first, PARIS.last) if PARIS.is_calm(day))
    for text in PATTERNS:
        pattern = Pattern(text)
        walked = list(walk(pattern, PARIS.walls(first, first + 10), first * 1440))
        assert list(PARIS.ticks(pattern, first, first + 10)) == walked
