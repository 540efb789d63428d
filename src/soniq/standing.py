"""How queues stand: what waits, since when, and who holds it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
