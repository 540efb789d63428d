"""What every backend can do with schedules: a part of ``contract.py``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from soniq.schedule import Agenda, Fired, Firing, NewSchedule, Schedule, ScheduleStatus

TICKS_KEPT = 100


class ScheduleStore(Protocol):
    """The tables ``soniq_schedules`` and ``soniq_schedule_ticks``."""

    async def now(self) -> datetime:
        """Return the present moment by the clock that decides what is due."""
        ...

    async def put(self, schedule: NewSchedule) -> Schedule:
        """Write a schedule, or bring the one of that name up to date; return it as it stands.

        A paused one stays paused. As long as the recurrence is the same, its anchor and next tick
        stay, too: declaring it again changes nothing.
        """
        ...

    async def get(self, name: str) -> Schedule | None:
        """Return the schedule, or None."""
        ...

    async def find(self, *, status: ScheduleStatus | None = None) -> list[Schedule]:
        """Return the schedules, sorted by name."""
        ...

    async def pause(self, name: str) -> bool:
        """Let the schedule fire no more; tell whether there is one. Twice is harmless."""
        ...

    async def resume(self, name: str, *, revision: int, next_at: datetime) -> bool:
        """Let a paused schedule fire again, from ``next_at`` on; False at another revision."""
        ...

    async def remove(self, name: str) -> bool:
        """Delete the schedule and its ticks; tell whether there was one."""
        ...

    async def disown(self, known: Collection[str]) -> list[str]:
        """Mark as orphaned the schedules that come from code but not from this; return them."""
        ...

    async def agenda(self, known: Collection[str], *, limit: int) -> Agenda:
        """Return the ``limit`` active schedules whose next ticks come first.

        Of those that come from code only the ``known`` ones: the others may have vanished from it.
        """
        ...

    async def fire(self, firings: Sequence[Firing]) -> list[Fired]:
        """Fire schedules: each tick and its job in one transaction; return what was fired.

        Nothing happens to a schedule that was fired, paused, removed or changed meanwhile, or that
        another scheduler is firing at this moment. A tick that was fired before makes no job: of
        each schedule the last ``TICKS_KEPT`` are on record.
        """
        ...

    async def ticks(self, name: str, *, limit: int) -> list[Fired]:
        """Return the last ticks that were fired, the latest first."""
        ...
