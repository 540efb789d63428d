"""Fire what is due, then sleep until the next tick or a change. Any number may do so at once."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from soniq.backends.contract import SCHEDULE_CHANGES, Backend
from soniq.clock import Clock
from soniq.errors import DatabaseUnreachable
from soniq.events import Events, ScheduleFired
from soniq.repeat import Pass
from soniq.schedule import Agenda, Fired, Firing, Schedule
from soniq.scheduler.plan import plan
from soniq.scheduler.service import Scheduler

logger = logging.getLogger("soniq.scheduler")

BATCH = 100
# The longest sleep: a change whose message was lost is seen after it.
LOOK_SECONDS = 20.0
# Somebody else fires what is due at this moment; it will have moved on by then.
RACE_SECONDS = 0.05
BROKEN_SECONDS = 1.0
TICKS_KEPT_SECONDS = 7 * 86_400.0
PRUNE_BATCH = 1000
PRUNE_SECONDS = 600.0


class SchedulerLoop:
    """The passes of one scheduler; ``scheduler`` knows what stands in this process's code."""

    def __init__(
        self, backend: Backend, scheduler: Scheduler, *, events: Events, clock: Clock
    ) -> None:
        self._backend = backend
        self._scheduler = scheduler
        self._events = events
        self._clock = clock
        self._adopted: tuple[str, ...] | None = None
        self._broken: set[str] = set()

    @property
    def passes(self) -> tuple[Pass, ...]:
        """What a scheduler does again and again."""
        return (
            ("fire schedules", self.one_pass, 0.0),
            ("prune ticks", self.prune, PRUNE_SECONDS),
        )

    async def one_pass(self) -> float:
        """Fire once what is due, or sleep until something is; 0 means: again at once."""
        known = self._scheduler.declared
        if known != self._adopted:
            await self._adopt(known)
        agenda = await self._backend.schedules.agenda(known, limit=BATCH)
        firings = self.plans(agenda)
        if firings:
            fired = await self._fire(firings)
            await self._tell(firings, fired)
            return 0.0 if fired or any(not firing.ticks for firing in firings) else RACE_SECONDS
        await self._sleep(agenda)
        return 0.0

    async def prune(self) -> None:
        """Delete the ticks that are older than seven days."""
        pruned = PRUNE_BATCH
        while pruned == PRUNE_BATCH:
            pruned = await self._backend.schedules.prune(
                older_than=TICKS_KEPT_SECONDS, limit=PRUNE_BATCH
            )

    async def _adopt(self, known: tuple[str, ...]) -> None:
        orphans = await self._scheduler.adopt()
        self._adopted = known
        if orphans:
            logger.warning(
                "Schedule(s) %s stand in the database, but not in this code: not fired here. "
                "`soniq schedules remove NAME` deletes one for good",
                ", ".join(orphans),
            )

    def plans(self, agenda: Agenda) -> list[Firing]:
        """Return what is to become of all that is due; what can't be read is left out."""
        plans = [self._plan(schedule, agenda) for schedule in agenda.due]
        return [one for one in plans if one is not None]

    def _plan(self, schedule: Schedule, agenda: Agenda) -> Firing | None:
        try:
            firing = plan(schedule, agenda.now, self._clock.new_id)
        except Exception:
            # Such as a zone that this host does not know. The others fire all the same.
            if schedule.name not in self._broken:
                logger.exception("Schedule %s can't be read; it does not fire", schedule.name)
            self._broken.add(schedule.name)
            return None
        self._broken.discard(schedule.name)
        return firing

    async def _fire(self, firings: Sequence[Firing]) -> list[Fired]:
        """Fire all together, or one by one where the database refuses one of them."""
        try:
            return await self._backend.schedules.fire(firings)
        except DatabaseUnreachable:
            raise
        except Exception:
            if len(firings) == 1:
                logger.exception("Schedule %s can't be fired", firings[0].name)
                return []
            return [fired for firing in firings for fired in await self._fire([firing])]

    async def _tell(self, firings: Sequence[Firing], fired: Sequence[Fired]) -> None:
        if fired:
            await self._backend.wakeups.wake({one.queue for one in fired})
        for one in fired:
            logger.debug("Schedule %s: tick %s, job %s", one.name, one.tick, one.job_id)
            await self._events.emit(ScheduleFired(one.name, one.tick, one.job_id))
        for firing in firings:
            if firing.missed:
                logger.warning(
                    "Schedule %s: %d tick(s) were missed before %s",
                    firing.name, firing.missed, firing.next_at.isoformat(),
                )  # fmt: skip

    async def _sleep(self, agenda: Agenda) -> None:
        seconds = LOOK_SECONDS * (0.9 + 0.2 * self._clock.random())
        idle = agenda.idle_seconds
        if idle is not None:
            # Due, and yet nothing to fire: it is broken, and the others must not wait long.
            seconds = min(seconds, idle or BROKEN_SECONDS)
        await self._backend.wakeups.wait((SCHEDULE_CHANGES,), seconds)
