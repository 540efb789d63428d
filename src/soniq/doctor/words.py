"""How evidence is written: names in a row, durations, sizes and shares. Pure text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

MOST_NAMES = 5
MEBIBYTE, GIBIBYTE = 1024**2, 1024**3
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"))


def listed(names: Iterable[str]) -> str:
    """Return names in a row, the first five and how many more there are."""
    every = list(names)
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return ", ".join(every[:MOST_NAMES]) + more


def literal(text: str) -> str:
    """Return a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def span(duration: timedelta | float) -> str:
    """Return a duration in the largest unit that fits: ``3 h``."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.3g} s"


def size(number: float) -> str:
    """Return bytes in MiB or GiB."""
    if number >= GIBIBYTE:
        return f"{number / GIBIBYTE:.1f} GiB"
    return f"{number / MEBIBYTE:.0f} MiB"


def share(part: float, whole: float) -> str:
    """Return a part as percents of a whole."""
    return f"{part / whole:.0%}" if whole else "0%"
