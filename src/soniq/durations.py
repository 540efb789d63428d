"""Durations as people write them: ``30s``, ``5m``, ``1h30m``, ``7d``. Pure text."""

from __future__ import annotations

import math
import re
from decimal import Decimal

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
# Longer than anybody can mean, so that no arithmetic with times has to fear it.
LONGEST = 1e10


def read_duration(text: str) -> float:
    """Return the seconds that ``30s``, ``5m``, ``2h``, ``7d``, ``1w`` or ``1h30m`` stand for.

    Raises:
        ValueError: anything else; a number without a unit, too, unless it is 0.
    """
    compact = text.strip().lower()
    if compact == "0":
        return 0.0
    parts = PART.findall(compact)
    seconds = sum(float(number) * UNITS[unit] for number, unit in parts)
    if not parts or PART.sub("", compact).strip():
        message = f"{text!r} is no duration: write a number and a unit, such as 30s, 5m, 2h or 7d."
        raise ValueError(message)
    if seconds > LONGEST:
        message = f"{text!r} is too long: give at most {LONGEST:g} s, some 300 years."
        raise ValueError(message)
    return seconds


def spell_duration(seconds: float) -> str:
    """Return the shortest text that ``read_duration`` takes for exactly these seconds."""
    for unit in ("w", "d", "h", "m"):
        number = seconds / UNITS[unit]
        if number >= 1 and math.floor(number) * UNITS[unit] == seconds:
            return f"{math.floor(number)}{unit}"
    whole = math.floor(seconds)
    return f"{whole}s" if whole == seconds else f"{Decimal(repr(seconds)):f}s"


def roughly(seconds: float) -> str:
    """Return a duration as one says it: its two largest units, ``2h 5m``; ``0.4s`` below ten."""
    if seconds < 10:  # noqa: PLR2004 - below that, tenths matter
        return f"{max(seconds, 0):.1f}".removesuffix(".0") + "s"
    rest = round(seconds)
    parts: list[str] = []
    for unit in ("d", "h", "m", "s"):
        number, rest = divmod(rest, UNITS[unit])
        if number or parts:
            parts.append(f"{number}{unit}" if number else "")
    return " ".join(filter(None, parts[:2]))
