"""Schedules in words: ``daily().at("09:00")`` is the cron string ``0 9 * * *``. Pure text.

Everything here ends in a plain cron string of five fields (or, for seconds, in a timedelta), so it
goes wherever a cron string goes. What cron can't express evenly is refused with what to write
instead.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import timedelta

from soniq.cronfields import check
from soniq.errors import InvalidOption

LAST_DAY = 31
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
TIME_OF_DAY = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Every:
    """An interval that still wants its unit."""

    count: int

    def seconds(self) -> timedelta:
        """Return the interval as a timedelta, for ``every=``: cron knows no seconds.

        Raises:
            ValueError: longer than a timedelta can be.
        """
        try:
            return timedelta(seconds=self.count)
        except OverflowError:
            message = f"every({self.count}).seconds() is longer than a timedelta can be."
            raise InvalidOption(message) from None

    def minutes(self) -> str:
        """Return a cron string that fires every so many minutes, counted from the full hour.

        Raises:
            ValueError: the minutes do not divide an hour evenly; the message says what to write.
        """
        if self.count < 60 and 60 % self.count == 0:  # noqa: PLR2004 - minutes of an hour
            return f"*/{self.count} * * * *"
        hours, rest = divmod(self.count, 60)
        if rest == 0 and 24 % hours == 0:
            raise uneven(self.count, "minutes", instead_of_hours(hours))
        raise uneven(self.count, "minutes", f"every=timedelta(minutes={self.count})")

    def hours(self) -> str:
        """Return a cron string that fires every so many hours, counted from midnight.

        Raises:
            ValueError: the hours do not divide a day evenly; the message says what to write.
        """
        if self.count < 24 and 24 % self.count == 0:  # noqa: PLR2004 - hours of a day
            return f"0 */{self.count} * * *"
        if self.count == 24:  # noqa: PLR2004
            raise uneven(self.count, "hours", instead_of_hours(self.count))
        raise uneven(self.count, "hours", f"every=timedelta(hours={self.count})")


@dataclass(frozen=True, slots=True)
class OnDays:
    """Some days, from midnight unless ``at`` says otherwise. ``str`` makes a cron string."""

    day: str = "*"
    weekday: str = "*"

    def at(self, time: str) -> str:
        """Return a cron string that fires on these days at a time of day such as ``"09:00"``.

        Raises:
            ValueError: not a time from 00:00 to 23:59.
        """
        match = TIME_OF_DAY.fullmatch(as_text(time))
        if match is None:
            message = f"at({time!r}): give a time from '00:00' to '23:59', such as at('09:00')."
            raise InvalidOption(message)
        hour, minute = int(match[1]), int(match[2])
        return f"{minute} {hour} {self.day} * {self.weekday}"

    def __str__(self) -> str:
        """Return the cron string for midnight."""
        return self.at("00:00")


@dataclass(frozen=True, slots=True)
class Weekly:
    """A week that still wants its day."""

    def on(self, day: str) -> OnDays:
        """Choose the day by its English name, such as ``"monday"`` or ``"mon"``.

        Raises:
            ValueError: no day has that name; the message holds the nearest.
        """
        name = as_text(day).strip().lower()
        for number, weekday in enumerate(WEEKDAYS):
            if name in {weekday, weekday[:3]}:
                return OnDays(weekday=str(number))
        close = difflib.get_close_matches(name, WEEKDAYS, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}?" if close else f"Give one of {', '.join(WEEKDAYS)}."
        message = f"on({day!r}) names no day of the week. {hint}"
        raise InvalidOption(message)


@dataclass(frozen=True, slots=True)
class Monthly:
    """A month that still wants its day."""

    def on_day(self, day: int) -> OnDays:
        """Choose the day of the month, 1 to 31; months that do not have it are left out.

        Raises:
            ValueError: not a whole number from 1 to 31.
        """
        if not is_whole(day) or not 1 <= day <= LAST_DAY:
            message = f"on_day({day!r}): give a day of the month from 1 to 31."
            raise InvalidOption(message)
        return OnDays(day=str(day))


def every(count: int) -> Every:
    """Begin an interval: ``every(5).minutes()``, ``every(2).hours()``, ``every(30).seconds()``.

    Raises:
        ValueError: not a whole number from 1.
    """
    if not is_whole(count) or count < 1:
        message = (
            f"every({count!r}): give a whole number, 1 or more; for other intervals write "
            "every=timedelta(…) in @app.periodic()."
        )
        raise InvalidOption(message)
    return Every(count)


def daily() -> OnDays:
    """Begin a schedule for every day: ``daily().at("09:00")``; alone it means midnight."""
    return OnDays()


def weekly() -> Weekly:
    """Begin a schedule for one day of the week: ``weekly().on("monday").at("09:00")``."""
    return Weekly()


def monthly() -> Monthly:
    """Begin a schedule for one day of the month: ``monthly().on_day(15).at("12:00")``."""
    return Monthly()


def cron(expression: str) -> str:
    """Return a cron string as it is: ``cron("*/15 * * * *")`` marks it for readers.

    Raises:
        ValueError: standard cron would not take it, or it never fires, or a step is larger than
            its range; the message says what to write.
    """
    check(str(expression))
    return expression


def as_text(value: object) -> str:
    """Return a text as it is, and nothing for anything else: not every caller uses a checker."""
    return value if isinstance(value, str) else ""


def is_whole(value: object) -> bool:
    """Tell whether a value is a whole number; True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def uneven(count: int, unit: str, cure: str) -> InvalidOption:
    """Return the error for an interval that cron would space unevenly or can't hold."""
    message = f"every({count}).{unit}() can't be spaced evenly by cron: write {cure} instead."
    return InvalidOption(message)


def instead_of_hours(hours: int) -> str:
    """Return what to write for a number of hours that divides a day."""
    return "daily()" if hours == 24 else f"every({hours}).hours()"  # noqa: PLR2004 - a day
