"""Numbers as people read them. Whole numbers stay exact, however large. Pure."""

from __future__ import annotations

from soniq.dashboard.views.times import NOTHING

# A narrow blank that does not break, so that numbers read and copy as one.
GROUP = "\u202f"
KIB = 1024
UNITS = ("KiB", "MiB", "GiB", "TiB")
PER = ((1.0, "/s"), (60.0, "/min"), (3600.0, "/h"), (86_400.0, "/day"))
ONE_DIGIT, TWO_DIGITS = 9.95, 99.5


def count(number: int | None, exact: bool = True) -> str:  # noqa: FBT001, FBT002 - `| count(x)`
    """Return a number with its thousands set apart; with ``≈`` where it is an estimate."""
    if number is None:
        return NOTHING
    grouped = f"{number:,}".replace(",", GROUP)
    return grouped if exact else f"≈{GROUP}{grouped}"


def rate(per_second: float | None) -> str:
    """Return how often something happens, per second, minute, hour or day."""
    if per_second is None:
        return NOTHING
    if per_second <= 0:
        return "0"
    for seconds, unit in PER:
        number = per_second * seconds
        if number >= 1:
            return f"{figures(number)} {unit}"
    return "<1 /day"


def figures(number: float) -> str:
    """Return a number of 1 or more with two or three digits that count."""
    return f"{number:.1f}" if number < TWO_DIGITS else count(round(number))


def size(number: int | None) -> str:
    """Return bytes in the unit that leaves few digits: ``3.2 MiB``."""
    if number is None:
        return NOTHING
    if number < KIB:
        return f"{number} B"
    power = min((number.bit_length() - 1) // 10, len(UNITS))
    amount, unit = number / KIB**power, UNITS[power - 1]
    return f"{amount:.1f} {unit}" if amount < ONE_DIGIT else f"{amount:.0f} {unit}"
