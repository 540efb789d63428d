"""Moments and durations as people read them; each moment with the exact one behind it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from markupsafe import Markup

# A dash, where there is nothing to tell.
NOTHING = "\u2013"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
# Two clocks never show the same: what is this near is now.
NOW_SECONDS = 1.0
MILLISECONDS_UNTIL = 0.9995
TENTHS_UNTIL = 9.95
# From here on the date says more than a number of days.
LONG_AGO = 60 * DAY
UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1.0, "s"))


def ago(moment: datetime | None, now: datetime) -> str:
    """Return how long ago a moment is (``3 min ago``, ``in 2 h``), as a ``<time>`` element."""
    if moment is None:
        return NOTHING
    return element(moment, words_of(moment, now))


def at(moment: datetime | None) -> str:
    """Return a moment to the second in UTC, as a ``<time>`` element."""
    return NOTHING if moment is None else element(moment, exact(moment))


def element(moment: datetime, text: str) -> str:
    """Return a ``<time>`` element that shows a text, and the exact moment on demand."""
    form = Markup('<time datetime="{}" title="{}">{}</time>')
    return form.format(moment.astimezone(UTC).isoformat(), exact(moment), text)


def words_of(moment: datetime, now: datetime) -> str:
    """Return ``now``, ``3 min ago``, ``in 2 h``; the date of what is months away."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < NOW_SECONDS:
        return "now"
    if abs(seconds) >= LONG_AGO:
        return moment.astimezone(UTC).date().isoformat()
    length = coarse(abs(seconds))
    return f"{length} ago" if seconds > 0 else f"in {length}"


def exact(moment: datetime) -> str:
    """Return a moment in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def epoch(moment: datetime) -> int:
    """Return the seconds since 1970."""
    return int(moment.timestamp())


def coarse(seconds: float) -> str:
    """Return a duration in its largest unit, rounded down: ``3 min``."""
    for length, unit in UNITS:
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "1 s"


def span(seconds: float | None) -> str:
    """Return a duration in one or two units: ``12 ms``, ``1.4 s``, ``2 min 5 s``, ``3 d 4 h``.

    It is rounded to what is shown; a negative one, which only clocks that differ make, is 0.
    """
    if seconds is None:
        return NOTHING
    if seconds <= 0:
        return "0 s"
    if seconds < MILLISECONDS_UNTIL:
        return brief(seconds)
    if seconds < TENTHS_UNTIL:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for (length, unit), (smaller, below) in pairwise(UNITS):
        if whole >= length:
            size, rest = int(length), int(smaller)
            steps = (whole % size) // rest
            large = f"{whole // size} {unit}"
            return f"{large} {steps} {below}" if steps else large
    return f"{whole} s"


def brief(seconds: float) -> str:
    """Return a duration of less than a second, in milliseconds."""
    milliseconds = seconds * 1000
    if milliseconds < 1:
        return "<1 ms"
    return f"{milliseconds:.1f} ms" if milliseconds < TENTHS_UNTIL else f"{milliseconds:.0f} ms"
