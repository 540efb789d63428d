"""What ``app.scheduler`` is: add, look at, pause, resume, remove, run and preview schedules."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from soniq.backends.contract import SCHEDULE_CHANGES, Backend
from soniq.enqueue import Enqueuer, Target
from soniq.errors import DatabaseError, InvalidOption, ScheduleNotFound
from soniq.options import EnqueueOptions
from soniq.recurrence import Every, Missed, Recurrence, read_recurrence
from soniq.schedule import Fired, NewSchedule, Origin, Schedule, ScheduleStatus
from soniq.scheduler.preview import Tick, coming
from soniq.task import Task

ROUNDS = 10
MOST_PREVIEWED = 1000


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule that stands in the code: ``@app.periodic()`` above a function."""

    task: Task[Any, Any]
    recurrence: Recurrence
    arguments: Mapping[str, Any]


class Scheduler:
    """The schedules of one database, each under the name of the task that it runs."""

    def __init__(
        self, backend: Backend, enqueuer: Enqueuer, *, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._backend = backend
        self._enqueuer = enqueuer
        self._ready = ready
        self._declared: dict[str, Declared] = {}

    @property
    def declared(self) -> tuple[str, ...]:
        """The names of the schedules that stand in the code of this process, sorted."""
        return tuple(sorted(self._declared))

    async def add(
        self,
        target: Target | None = None,
        *,
        name: str | None = None,
        cron: object = None,
        every: Every | None = None,
        args: Mapping[str, Any] | None = None,
        queue: str | None = None,
        priority: int | None = None,
        timezone: str = "UTC",
        missed: Missed = "one",
    ) -> Schedule:
        """Let a task run again and again; return the schedule.

        Adding it again updates it in place: a paused one stays paused, and as long as the
        recurrence is the same, so does its next tick.

        Args:
            target: the task, its name, or a TaskRef.
            name: the name of the task, instead of ``target``.
            cron: a cron string of five fields, or anything whose ``str()`` is one.
            every: the interval: a timedelta or seconds, 1 or more; the first tick is one interval
                from now.
            args: the arguments of every job.
            queue: the queue of the jobs (the task's).
            priority: the priority of the jobs (the task's).
            timezone: the IANA name of the zone that ``cron`` is read in.
            missed: what becomes of ticks that nobody could fire in time: ``"one"`` job for all of
                them, ``"skip"`` them, or ``"all"`` one by one.

        Raises:
            ValueError: neither or both of cron and every, or a value that can't be used.
            TypeError: neither or both of target and name, or arguments that do not fit.
            UnknownTask: no such task is registered here (see ``enqueue_validation``).

        Example:
            ``await app.scheduler.add(cleanup, cron="0 9 * * *", args={"region": "US"})``
        """
        recurrence = read_recurrence(cron, every, timezone, missed, where="app.scheduler.add()")
        options = EnqueueOptions(queue=queue, priority=priority)
        schedule = await self._put(
            one_target(target, name), recurrence, args or {}, options, Origin.ADDED
        )
        await self._tell()
        return schedule

    async def pause(self, name: str) -> None:
        """Let a schedule fire no more, in any process, until it is resumed.

        Raises:
            ScheduleNotFound: there is none of that name.
        """
        await self._ready()
        if not await self._backend.schedules.pause(name):
            raise await self._not_found(name)
        await self._tell()

    async def resume(self, name: str) -> None:
        """Let a paused schedule fire again; the ticks of the pause are not made up for.

        Raises:
            ScheduleNotFound: there is none of that name.
        """
        await self._ready()
        for _ in range(ROUNDS):
            schedule = await self._backend.schedules.get(name)
            if schedule is None:
                raise await self._not_found(name)
            if schedule.status is ScheduleStatus.ACTIVE:
                return
            now = await self._backend.schedules.now()
            next_at = schedule.recurrence.after(now, schedule.anchor_at)
            if await self._backend.schedules.resume(
                name, revision=schedule.revision, next_at=next_at
            ):
                await self._tell()
                return
        message = f"Schedule {name!r} changed {ROUNDS} times while it was resumed; try again."
        raise DatabaseError(message)

    async def remove(self, name: str) -> None:
        """Delete a schedule. One that stands in the code comes back with the next scheduler.

        Raises:
            ScheduleNotFound: there is none of that name.
        """
        await self._ready()
        if not await self._backend.schedules.remove(name):
            raise await self._not_found(name)
        await self._tell()

    async def list(self, status: ScheduleStatus | str | None = None) -> list[Schedule]:
        """Return the schedules by name; ``status``: only the ``"active"`` or ``"paused"`` ones.

        Raises:
            ValueError: another status.
        """
        wanted = read_status(status)
        await self._ready()
        return await self._backend.schedules.find(status=wanted)

    async def get(self, name: str) -> Schedule | None:
        """Return the schedule of that name, or None."""
        await self._ready()
        return await self._backend.schedules.get(name)

    async def run_now(self, name: str) -> str:
        """Enqueue the schedule's job at once, beside its ticks; return the id of the job.

        Raises:
            ScheduleNotFound: there is none of that name.
        """
        schedule = await self._found(name)
        return await self._enqueuer.write(schedule.job(self._enqueuer.new_id()))

    async def preview(self, name: str, n: int = 5) -> builtins.list[Tick]:
        """Return the next ``n`` ticks, as if it was not paused; those of an overdue one, from now.

        Raises:
            ScheduleNotFound: there is none of that name.
            ValueError: n is not from 1 to 1000.
        """
        if isinstance(n, bool) or not 1 <= n <= MOST_PREVIEWED:
            message = f"n={n!r}: give a number of ticks from 1 to {MOST_PREVIEWED}."
            raise InvalidOption(message)
        schedule = await self._found(name)
        return coming(schedule, await self._backend.schedules.now(), n)

    async def history(self, name: str, n: int = 20) -> builtins.list[Fired]:
        """Return the last ``n`` ticks that were fired, the latest first; about 100 are kept.

        Raises:
            ScheduleNotFound: there is none of that name.
        """
        schedule = await self._found(name)
        return await self._backend.schedules.ticks(schedule.name, limit=n)

    def declare(
        self, task: Task[Any, Any], recurrence: Recurrence, arguments: Mapping[str, Any]
    ) -> None:
        """Remember a schedule that stands in the code; ``adopt`` writes it.

        Raises:
            TypeError, InvalidArguments, TaskArgumentsInvalid: the arguments do not fit the task.
        """
        self._enqueuer.prepare(self._enqueuer.resolve(task), arguments, EnqueueOptions())
        self._declared[task.name] = Declared(task, recurrence, arguments)

    async def adopt(self) -> builtins.list[str]:
        """Write the schedules that stand in the code; return those that no longer stand there."""
        await self._ready()
        for one in self._declared.values():
            await self._put(one.task, one.recurrence, one.arguments, EnqueueOptions(), Origin.CODE)
        return await self._backend.schedules.disown(self.declared)

    async def _put(
        self,
        target: Target,
        recurrence: Recurrence,
        arguments: Mapping[str, Any],
        options: EnqueueOptions,
        origin: Origin,
    ) -> Schedule:
        job = self._enqueuer.prepare(self._enqueuer.resolve(target), arguments, options)
        await self._ready()
        now = await self._backend.schedules.now()
        return await self._backend.schedules.put(
            NewSchedule(job, recurrence, origin, now, recurrence.after(now, now))
        )

    async def _found(self, name: str) -> Schedule:
        schedule = await self.get(name)
        if schedule is None:
            raise await self._not_found(name)
        return schedule

    async def _not_found(self, name: str) -> ScheduleNotFound:
        names = [schedule.name for schedule in await self._backend.schedules.find()]
        close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]!r}?" if close else "`soniq schedules list` shows all."
        return ScheduleNotFound(f"No schedule {name!r}. {hint}")

    async def _tell(self) -> None:
        """Let the schedulers of all processes look again."""
        await self._backend.wakeups.wake([SCHEDULE_CHANGES])


def one_target(target: Target | None, name: str | None) -> Target:
    """Return what a schedule shall run; TypeError unless exactly one of the two says so."""
    if (target is None) == (name is None):
        message = (
            "app.scheduler.add() takes a task, the name of a task or a TaskRef: as its first "
            "argument, or a name as name=; exactly one of the two."
        )
        raise TypeError(message)
    return target if target is not None else str(name)


def read_status(status: ScheduleStatus | str | None) -> ScheduleStatus | None:
    """Return the status that a name stands for; InvalidOption with the known ones otherwise."""
    try:
        return None if status is None else ScheduleStatus(status)
    except ValueError:
        message = f"status={status!r}: give one of {', '.join(ScheduleStatus)}."
        raise InvalidOption(message) from None
