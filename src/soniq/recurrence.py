"""When something recurs: a cron string or an interval, and what becomes of missed ticks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Literal, cast, get_args

from soniq import crontab
from soniq.errors import InvalidOption
from soniq.retry import LONGEST_DELAY

Missed = Literal["one", "skip", "all"]
Every = timedelta | int | float
SHORTEST_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Either ``cron`` (five fields, read in ``timezone``) or ``every`` (seconds), never both.

    A moment at which it fires is a tick. Ticks of an interval are counted from an anchor, so that
    nothing but the anchor and the interval decides them; cron needs none.
    """

    cron: str | None = None
    every: float | None = None
    timezone: str = "UTC"
    missed: Missed = "one"

    def after(self, moment: datetime, anchor: datetime) -> datetime:
        """Return the first tick after ``moment`` (aware), in UTC."""
        if self.every is None:
            return self._crontab().after(moment)
        return anchor + (1 + self._steps(moment, anchor)) * self._interval()

    def until(self, start: datetime, end: datetime, anchor: datetime) -> Iterator[datetime]:
        """Yield the ticks after ``start``, up to and including ``end``, in order."""
        if self.every is None:
            return self._crontab().until(start, end)
        steps = range(self._steps(start, anchor) + 1, self._steps(end, anchor) + 1)
        return (anchor + step * self._interval() for step in steps)

    def latest(self, start: datetime, end: datetime, anchor: datetime) -> datetime | None:
        """Return the last tick after ``start``, up to and including ``end``, or None."""
        if self.every is None:
            return self._crontab().latest(start, end)
        tick = anchor + self._steps(end, anchor) * self._interval()
        return tick if tick > start else None

    def count(self, start: datetime, end: datetime, anchor: datetime, *, most: int) -> int:
        """Return how many ticks lie after ``start``, up to and including ``end``.

        Those of cron are counted one by one, and only to ``most``.
        """
        if self.every is None:
            return sum(1 for _ in islice(self._crontab().until(start, end), most))
        return self._steps(end, anchor) - self._steps(start, anchor)

    def _crontab(self) -> crontab.Crontab:
        return crontab.Crontab(cast("str", self.cron), self.timezone)

    def _interval(self) -> timedelta:
        return timedelta(seconds=cast("float", self.every))

    def _steps(self, moment: datetime, anchor: datetime) -> int:
        """Return how many whole intervals lie between the anchor and the moment."""
        return (moment - anchor) // self._interval()


def read_recurrence(
    cron: object = None,
    every: object = None,
    timezone: str = "UTC",
    missed: str = "one",
    *,
    where: str = "@app.periodic()",
) -> Recurrence:
    """Return the recurrence that was asked for.

    Args:
        cron: a cron string of five fields, or anything whose ``str()`` is one.
        every: the interval: a timedelta or seconds, 1 or more.
        timezone: the IANA name of the zone that ``cron`` is read in.
        missed: what becomes of ticks that nobody could fire in time: ``one`` job for all of them,
            ``skip`` them, or ``all`` one by one.
        where: the call that it was given to, for messages.

    Raises:
        InvalidOption: neither or both of cron and every, or a value that can't be used.
    """
    if (cron is None) == (every is None):
        what = "neither of them" if cron is None else "both"
        message = (
            f"{where} takes exactly one of cron= and every=, not {what}: give "
            "cron='0 9 * * *' for times of the clock or every=timedelta(minutes=5) for an interval."
        )
        raise InvalidOption(message)
    zone = crontab.check_timezone(timezone)
    policy = check_missed(missed)
    if cron is None:
        return Recurrence(every=check_every(every), timezone=zone, missed=policy)
    if isinstance(cron, timedelta | int | float):
        message = f"cron={cron!r} is an interval: give it as every=."
        raise InvalidOption(message)
    expression = crontab.parse(cron, zone).expression
    return Recurrence(cron=expression, timezone=zone, missed=policy)


def check_every(value: object) -> float:
    """Return an interval in seconds; InvalidOption for less than 1 s, endless or over ten years."""
    seconds: Any = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        message = (
            f"every={value!r}: give a timedelta or a number of seconds; a cron string goes "
            "into cron=."
        )
        raise InvalidOption(message)
    if not math.isfinite(seconds) or not SHORTEST_INTERVAL <= seconds <= LONGEST_DELAY:
        message = f"every={value!r}: give an interval from 1 second to ten years."
        raise InvalidOption(message)
    return float(seconds)


def check_missed(value: object) -> Missed:
    """Return a policy for missed ticks; InvalidOption for anything else."""
    if value not in get_args(Missed):
        message = (
            f"missed={value!r}: give 'one' (one job for all ticks that were missed), 'skip' "
            "(none) or 'all' (one job for each)."
        )
        raise InvalidOption(message)
    return cast("Missed", value)
