"""Arithmetic with times that can't leave the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def later(now: datetime, seconds: float) -> datetime:
    """Return the time ``seconds`` after ``now`` (before it if negative), within the calendar."""
    try:
        return now + timedelta(seconds=seconds)
    except OverflowError:
        return LAST if seconds > 0 else FIRST
