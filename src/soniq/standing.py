"""How queues stand: what waits, since when, and who holds it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from soniq.job import Row


@dataclass(frozen=True, slots=True, eq=False)
class Pause(Row):
    """A queue that no worker claims from: since when, by whose wish, and why."""

    queue: str
    paused_at: datetime
    paused_by: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class QueueStanding(Row):
    """One queue now. ``due`` may start at once, ``later`` is scheduled or waits for a retry.

    ``exact`` is False where so many wait or have died that they were not counted: ``due``,
    ``later`` and ``dead_letter`` are estimates then. ``oldest_due_at``: since when the first of the
    due ones may start; ``next_due_at``: when the first of the later ones may. ``served_by``: how
    many living workers claim from it; those that were asked to be quiet or to stop don't count.
    """

    queue: str
    due: int
    later: int
    processing: int
    dead_letter: int
    exact: bool
    oldest_due_at: datetime | None
    next_due_at: datetime | None
    served_by: int
    pause: Pause | None


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many due jobs of its queue come before one; ``exact`` False: at least so many."""

    count: int
    exact: bool

    @classmethod
    def counted(cls, number: int, bound: int) -> Ahead:
        """Return what follows from a count that has stopped after ``bound``, or shortly beyond."""
        return cls(min(number, bound), exact=number <= bound)


# A host whose clock is slower than the database's by no more than this has its jobs counted.
SLOWEST = timedelta(minutes=1)


class Made(NamedTuple):
    """How many jobs of a queue were made, and when the first of them was."""

    queue: str
    number: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How many jobs were enqueued since a moment, by queue; only what is still kept is counted.

    ``kept_since``: when the first of the ended jobs that are still kept did end, None where there
    is none.
    """

    since: datetime
    numbers: dict[str, int]
    kept_since: datetime | None

    @classmethod
    def counted(
        cls, found: Iterable[Made], *, since: datetime, bound: int, kept_since: datetime | None
    ) -> Self:
        """Return what follows from a count that has stopped at ``bound``, or shortly before."""
        made = sorted(found)
        if made and sum(one.number for one in made) >= bound:
            since = min(one.first_at for one in made)
        return cls(since, {one.queue: one.number for one in made}, kept_since)

    def rates(self, now: datetime) -> dict[str, float]:
        """Return the jobs a second of each queue that has any, sorted by queue."""
        # Of what has come this very moment nothing can be said a second yet.
        seconds = max(1.0, (now - self.since).total_seconds())
        return {queue: number / seconds for queue, number in self.numbers.items()}
