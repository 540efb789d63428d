"""Fire what is due, then sleep until the next tick or a change. Any number may do so at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from soniq.backends.contract import SCHEDULE_CHANGES, Backend
from soniq.clock import Clock
from soniq.errors import DatabaseError
from soniq.events import Events, ScheduleFired, ScheduleMissed
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
RACES = 20
BROKEN_SECONDS = 20.0
LOOP = "fire schedules"


class SchedulerLoop:
    """The pass of one scheduler; ``scheduler`` knows what stands in this process's code."""

    def __init__(
        self, backend: Backend, scheduler: Scheduler, *, events: Events, clock: Clock
    ) -> None:
        self._backend = backend
        self._scheduler = scheduler
        self._events = events
        self._clock = clock
        self._adopted: tuple[str, ...] | None = None
        # Until when schedules that can't be read or fired are left alone (monotonic).
        self._broken: dict[str, float] = {}

    async def beside(self, *, run_once: bool) -> tuple[Pass, ...]:
        """Return what to do beside a worker; one that runs only once finds all that is due fired.

        Raises:
            DatabaseError: it went away meanwhile.
        """
        if not run_once:
            return ((LOOP, self.one_pass, 0.0),)
        await self.catch_up()
        return ()

    async def one_pass(self) -> float:
        """Fire once what is due, or sleep until something is; 0 means: again at once."""
        agenda = await self.look()
        firings = self.plans(agenda)
        if not firings:
            await self._sleep(agenda)
            return 0.0
        return 0.0 if await self.fire(firings) else RACE_SECONDS

    async def catch_up(self) -> None:
        """Fire all that is due by now; leave what another scheduler holds for a second."""
        agenda = await self.look()
        begin, in_vain = agenda.now, 0
        while in_vain < RACES and agenda.due and agenda.due[0].next_at <= begin:
            firings = self.plans(agenda)
            if not firings:
                return
            if await self.fire(firings):
                in_vain = 0
            else:
                in_vain += 1
                await asyncio.sleep(RACE_SECONDS)
            agenda = await self.look()

    async def look(self) -> Agenda:
        """Return what comes next; what stands in the code is written before."""
        known = self._scheduler.declared
        if known != self._adopted:
            await self._adopt(known)
        return await self._backend.schedules.agenda(known, limit=BATCH)

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
        """Return what is to become of all that is due, but for what is broken."""
        moment = self._clock.monotonic()
        sound = [one for one in agenda.due if self._broken.get(one.name, moment) <= moment]
        plans = [self._plan(schedule, agenda) for schedule in sound]
        return [one for one in plans if one is not None]

    def _plan(self, schedule: Schedule, agenda: Agenda) -> Firing | None:
        try:
            return plan(schedule, agenda.now, self._clock.new_id)
        except Exception as error:  # noqa: BLE001 - one that nobody foresaw must not stop the others
            self._leave_alone(schedule.name, error)
            return None

    async def fire(self, firings: Sequence[Firing]) -> list[Fired]:
        """Fire what nobody else has fired or changed meanwhile, and tell of it."""
        fired = await self._write(firings)
        await self._tell(firings, fired)
        return fired

    async def _write(self, firings: Sequence[Firing]) -> list[Fired]:
        """Write all together, or one by one where the database refuses one of them."""
        try:
            return await self._backend.schedules.fire(firings)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            if len(firings) == 1:
                self._leave_alone(firings[0].name, error)
                return []
            return [fired for firing in firings for fired in await self._write([firing])]

    def _leave_alone(self, name: str, error: Exception) -> None:
        self._broken[name] = self._clock.monotonic() + BROKEN_SECONDS
        logger.error(
            "Schedule %s can't be fired; next try in %.0f s", name, BROKEN_SECONDS, exc_info=error
        )

    async def _tell(self, firings: Sequence[Firing], fired: Sequence[Fired]) -> None:
        if fired:
            await self._backend.wakeups.wake({one.queue for one in fired})
        for one in fired:
            logger.debug("Schedule %s: tick %s, job %s", one.name, one.tick, one.job_id)
            await self._events.emit(ScheduleFired(one.name, one.queue, one.tick, one.job_id))
        names = {one.name for one in fired}
        for firing in firings:
            # Where nothing was to be fired, nobody knows who was first.
            if firing.missed and (firing.name in names or not firing.ticks):
                logger.warning(
                    "Schedule %s: %d tick(s) were missed before %s",
                    firing.name, firing.missed, firing.next_at.isoformat(),
                )  # fmt: skip
                await self._events.emit(ScheduleMissed(firing.name, firing.missed))

    async def _sleep(self, agenda: Agenda) -> None:
        seconds = LOOK_SECONDS * (0.9 + 0.2 * self._clock.random())
        if agenda.next_in is not None:
            seconds = min(seconds, agenda.next_in)
        await self._backend.wakeups.wait((SCHEDULE_CHANGES,), seconds)
