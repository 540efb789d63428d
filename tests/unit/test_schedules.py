from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from soniq.crontab import parse
from soniq.errors import SoniqError
from soniq.schedules import WEEKDAYS, cron, daily, every, monthly, weekly


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (every(5).minutes(), "*/5 * * * *"),
        (every(1).minutes(), "*/1 * * * *"),
        (every(30).minutes(), "*/30 * * * *"),
        (every(2).hours(), "0 */2 * * *"),
        (every(12).hours(), "0 */12 * * *"),
        (daily().at("09:00"), "0 9 * * *"),
        (daily().at("9:05"), "5 9 * * *"),
        (daily().at("23:59"), "59 23 * * *"),
        (weekly().on("monday").at("09:00"), "0 9 * * 1"),
        (weekly().on("Sunday").at("00:00"), "0 0 * * 0"),
        (weekly().on("sat").at("18:30"), "30 18 * * 6"),
        (monthly().on_day(15).at("12:00"), "0 12 15 * *"),
        (monthly().on_day(31).at("12:00"), "0 12 31 * *"),
        (cron("*/15 * * * *"), "*/15 * * * *"),
        (cron("*/7 0-6,12 * jan mon-fri"), "*/7 0-6,12 * jan mon-fri"),
    ],
)
def test_every_terminal_is_a_plain_cron_string(schedule: str, expected: str) -> None:
    """What the builders return goes wherever a cron string goes."""
    assert type(schedule) is str
    assert schedule == expected


def test_seconds_are_a_timedelta() -> None:
    """Cron has no seconds, so they go into ``every=``."""
    assert every(30).seconds() == timedelta(seconds=30)
    assert every(86_400).seconds() == timedelta(days=1)


@pytest.mark.parametrize(
    ("builder", "expected"),
    [
        (daily(), "0 0 * * *"),
        (weekly().on("monday"), "0 0 * * 1"),
        (monthly().on_day(1), "0 0 1 * *"),
    ],
)
def test_days_without_a_time_mean_midnight(builder: object, expected: str) -> None:
    """A builder that knows its days is a cron string already."""
    assert str(builder) == expected


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: every(45).minutes(), r"write every=timedelta\(minutes=45\)"),
        (lambda: every(90).minutes(), r"write every=timedelta\(minutes=90\)"),
        (lambda: every(60).minutes(), r"write every\(1\)\.hours\(\)"),
        (lambda: every(120).minutes(), r"write every\(2\)\.hours\(\)"),
        (lambda: every(1440).minutes(), r"write daily\(\)"),
        (lambda: every(2880).minutes(), r"write every=timedelta\(minutes=2880\)"),
        (lambda: every(5).hours(), r"write every=timedelta\(hours=5\)"),
        (lambda: every(24).hours(), r"write daily\(\)"),
        (lambda: every(48).hours(), r"write every=timedelta\(hours=48\)"),
        (lambda: every(10**20).seconds(), "longer than a timedelta"),
    ],
)
def test_what_cron_cannot_space_evenly_is_refused(call: Callable[[], Any], words: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert isinstance(caught.value, SoniqError)


@pytest.mark.parametrize("count", [0, -1, 1.5, "5", None, True, float("nan")])
def test_an_interval_is_a_whole_number_from_one(count: Any) -> None:
    """``every(0)`` and its like are refused at once, before a unit is named."""
    with pytest.raises(ValueError, match="whole number, 1 or more"):
        every(count)


@pytest.mark.parametrize(
    "time",
    [
        "25:00",
        "24:00",
        "09:60",
        "9",
        "09:00:00",
        "",
        " 09:00",
        "\u0660\u0669:\u0660\u0660",
        "09:00\n",
        None,
        9,
    ],
)
def test_a_time_of_day_is_checked(time: Any) -> None:
    """Only 00:00 to 23:59 is a time of day."""
    for days in (daily(), weekly().on("monday"), monthly().on_day(1)):
        with pytest.raises(ValueError, match=r"at\(.*from '00:00' to '23:59'"):
            days.at(time)


def test_a_weekday_is_checked() -> None:
    """A typing error gets the nearest day, anything else the list."""
    with pytest.raises(ValueError, match=r"on\('funday'\) names no day.*Did you mean 'sunday'\?"):
        weekly().on("funday")
    for day in ("", "x", None, 1, "m", "tues day!"):
        with pytest.raises(ValueError, match="names no day"):
            weekly().on(day)  # type: ignore[arg-type]


@pytest.mark.parametrize("day", [0, 32, -1, 1.0, "1", None, True])
def test_a_day_of_the_month_is_checked(day: Any) -> None:
    """A month has days 1 to 31."""
    with pytest.raises(ValueError, match="from 1 to 31"):
        monthly().on_day(day)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Give minute, hour, day, month, weekday"),
        ("* * * *", "4 of five fields"),
        ("@daily", r"Write '0 0 \* \* \*' instead"),
        ("* * * * ?", "give 0 to 7"),
        ("0 9 * * 1;", "give 0 to 7"),
        ("*/90 * * * *", r"Write every=timedelta\(minutes=90\) instead"),
        ("0 0 30 2 *", "Give a day up to 29"),
        ("0 * * * * *", r"without seconds; for seconds write every=timedelta\(seconds=…\)"),
        (None, "Give minute, hour"),
        (5, "Give minute, hour"),
    ],
)
def test_a_raw_cron_string_is_checked(text: Any, words: str) -> None:
    """What can't be a cron string is refused where it is written, with what to write instead."""
    with pytest.raises(ValueError, match=words):
        cron(text)


def test_a_raw_cron_string_stays_as_it_is() -> None:
    """``cron()`` gives back the very text, spaces and all."""
    text = " 0  9 * * MON "
    assert cron(text) is text


def test_the_builders_end_in_what_cron_takes() -> None:
    """Every cron string that can be built is one that fires."""
    built = [
        *(every(count).minutes() for count in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
        *(every(count).hours() for count in (1, 2, 3, 4, 6, 8, 12)),
        *(str(weekly().on(day)) for day in WEEKDAYS),
        *(str(monthly().on_day(day)) for day in range(1, 32)),
    ]
    assert [parse(text).expression for text in built] == built
