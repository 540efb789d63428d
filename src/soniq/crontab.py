"""When a cron string fires in a time zone, by the rules of Debian's cron where clocks change."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from soniq import zones
from soniq.cronfields import EXAMPLE, FIELDS, Field, check
from soniq.errors import InvalidOption


@dataclass(frozen=True, slots=True)
class Crontab:
    """Five fields in a time zone; ``parse`` makes it. All results are in UTC, at whole minutes.

    Where the clocks of the zone change, Debian's rule holds (its manual page cron(8)):

        "Only jobs that run at a particular time (not specified […] with '*' in the hour or minute
        specifier) are affected. Jobs which are specified with wildcards are run based on the new
        time immediately."

    *At particular times*, where neither minute nor hour begins with a star: what falls into the
    hour that is left out fires once, at the first moment after it; in the hour that comes twice
    it fires the first time only. *With wildcards*: it fires whenever the clock shows a matching
    time, so not in the hour that is left out, and again in the hour that comes twice.

    Debian takes a change of three hours or more for a correction by hand, to which this does not
    apply. The change of a zone never is one, so here it always applies: on the day that Samoa left
    out (30 December 2011), a daily job fired once, when the next day began.
    """

    expression: str
    timezone: str = "UTC"

    @property
    def at_particular_times(self) -> bool:
        """Whether neither minute nor hour begins with a star."""
        minute, hour = self.expression.split()[:2]
        return not minute.startswith("*") and not hour.startswith("*")

    def after(self, moment: datetime) -> datetime:
        """Return the first tick after a moment with a time zone.

        Raises:
            OverflowError: there is none before the year 9999, where the calendar of Python ends.
        """
        return next(self.ticks(moment))

    def until(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the ticks after ``start``, up to and including ``end``, in order."""
        return takewhile(lambda tick: tick <= end, self.ticks(start))

    def latest(self, start: datetime, end: datetime) -> datetime | None:
        """Return the last tick after ``start``, up to and including ``end``, or None.

        Takes about thirty looks at ``after``, however many ticks there are between.
        """
        tick = self.after(start)
        if tick > end:
            return None
        # Nothing fires after `limit` up to `end`, and ticks lie on whole seconds.
        limit = end
        while limit - tick >= zones.SECOND:
            middle = tick + (limit - tick) / 2
            later = self.after(middle)
            if later <= end:
                tick = later
            else:
                limit = middle
        return tick

    def ticks(self, moment: datetime) -> Iterator[datetime]:
        """Yield the ticks after a moment, each later than the one before.

        Walks over the times of a clock on the wall and, with each change, sets that clock.
        """
        zone = ZoneInfo(self.timezone)
        start = moment.astimezone(UTC).replace(tzinfo=None)
        offset = zones.offset(zone, start)
        walls = self.walls(start + offset)
        wall = next(walls)
        if self.at_particular_times:
            # In the hour that comes twice, what is ahead on the wall may have fired before.
            while wall.replace(tzinfo=zone).astimezone(UTC) <= moment:
                wall = next(walls)
        for change in zones.changes_after(zone, start):
            stops, goes_on = change.moment + offset, change.moment + change.offset
            while wall < stops:
                yield (wall - offset).replace(tzinfo=UTC)
                wall = next(walls)
            offset = change.offset
            if goes_on < stops and not self.at_particular_times:
                walls = self.walls(goes_on - zones.SECOND)
                wall = next(walls)
            elif wall < goes_on and self.at_particular_times:
                yield change.moment.replace(tzinfo=UTC)
                wall = next(wall for wall in walls if wall > goes_on)
            elif wall < goes_on:
                wall = next(wall for wall in walls if wall >= goes_on)

    def walls(self, wall: datetime) -> Iterator[datetime]:
        """Return the matching times after ``wall`` on a clock that nobody sets."""
        from cronsim import CronSim  # noqa: PLC0415 - `import soniq` loads no dependency

        return CronSim(self.expression, wall)


def parse(expression: object, timezone: object = "UTC") -> Crontab:
    """Return the crontab of a cron string, or of anything whose ``str()`` is one, in a time zone.

    Raises:
        ValueError: no cron string, or no time zone; the message says what to write instead.
    """
    if isinstance(expression, timedelta):
        message = f"cron={expression!r} is an interval: write every= instead of cron=."
        raise InvalidOption(message)
    if type(expression).__str__ is object.__str__:
        message = (
            f"cron={expression!r} is no cron string. Give five fields, {EXAMPLE}, "
            "or end the builder: every(5).minutes(), weekly().on('monday')."
        )
        raise InvalidOption(message)
    return Crontab(check(str(expression)), check_timezone(timezone))


def check_timezone(name: object) -> str:
    """Return the IANA name of a time zone, given as such or as a ``ZoneInfo``.

    Raises:
        ValueError: there is no such zone; the message holds the nearest name.
    """
    text = str(name)
    if text == "UTC" or text in zones.names():
        return text
    message = f"timezone={name!r} is no time zone. {nearest(text)}"
    raise InvalidOption(message)


def nearest(name: str) -> str:
    """Say which time zone may have been meant."""
    folded = {zone.casefold(): zone for zone in sorted(zones.names())}
    close = difflib.get_close_matches(name.casefold().replace(" ", "_"), folded, n=1)
    if close:
        return f"Did you mean {folded[close[0]]!r}?"
    return "Give a name of the IANA list, such as 'Europe/Paris' or 'UTC'."


def describe(expression: str) -> str:
    """Say in English when a checked cron string fires, with hours from 0 to 23."""
    from cron_descriptor import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
        ExpressionDescriptor,
        Options,
    )

    # Without a locale it would ask the environment, and warn where there is none.
    options = Options(use_24hour_time_format=True, locale_code="en_US")
    return ExpressionDescriptor(plain(expression), options).get_description()


def plain(expression: str) -> str:
    """Return a cron string in which no list holds a star, a step or the same weekday twice."""
    written = zip(FIELDS, expression.split(), strict=True)
    return " ".join(listed(field, text) if "," in text else text for field, text in written)


def listed(field: Field, text: str) -> str:
    """Return a list of plain values where the list as it was written would read badly."""
    values = field.values(text)
    if len(values) == field.size:
        return "*"
    if field.names or "/" in text:
        return ",".join(map(str, sorted(values)))
    return text
