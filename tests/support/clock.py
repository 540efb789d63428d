"""A clock that moves only when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from soniq.clock import IdSequence

START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


class FrozenClock:
    """A ``soniq.clock.Clock`` that stands still; databases take its time for their own.

    Set ``chance`` to choose what ``random()`` returns.
    """

    def __init__(self, start: datetime = START) -> None:
        self.chance = 0.5
        self._start = start
        self._now = start
        self._ids = IdSequence()

    def advance(
        self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0
    ) -> None:
        """Move on (or back) by that much."""
        self._now += timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)

    def now(self) -> datetime:
        """Return the moment at which the clock stands."""
        return self._now

    def pinned(self) -> datetime:
        """Return the same moment: no database shall look at its own clock."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds by which the clock was moved."""
        return (self._now - self._start).total_seconds()

    def random(self) -> float:
        """Return ``chance``."""
        return self.chance

    def new_id(self) -> str:
        """Return the next id; ids sort in the order they were made."""
        return self.new_ids(1)[0]

    def new_ids(self, count: int) -> list[str]:
        """Return the next ids."""
        return self._ids.several(int(self._now.timestamp() * 1000), count)
