"""``soniq schedules pause|resume|run|remove``, and a note of who did it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soniq.cli import load, render
from soniq.cli.actor import author
from soniq.cli.options import By, DatabaseUrl, DryRun, Yes, confirm
from soniq.errors import ScheduleNotFound

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.schedule import Schedule

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule: the name of its task.")]


def pause(
    name: Name, *, by: By = None, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Let a schedule fire no more, in any process, until it is resumed."""

    async def work(app: Soniq) -> None:
        await app.scheduler.pause(name)
        await note(app, by, "pause", name)
        render.remark(f"Paused {name}. `soniq schedules resume {name}` lets it fire again.")

    act(database_url, name, "pause", work, dry_run=dry_run)


def resume(
    name: Name, *, by: By = None, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Let a paused schedule fire again; what the pause left out is not made up for."""

    async def work(app: Soniq) -> None:
        await app.scheduler.resume(name)
        await note(app, by, "resume", name)
        schedule = await found(app, name)
        render.remark(f"Resumed {name}. It fires next at {schedule.next_at:%Y-%m-%d %H:%M:%S} UTC.")

    act(database_url, name, "resume", work, dry_run=dry_run)


def run(
    name: Name, *, by: By = None, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Enqueue a schedule's job now, beside its ticks; print the job's id."""

    async def work(app: Soniq) -> None:
        job_id = await app.scheduler.run_now(name)
        await note(app, by, "run", name, job=job_id)
        typer.echo(job_id)

    act(database_url, name, "run", work, dry_run=dry_run)


def remove(
    name: Name,
    *,
    yes: Yes = False,
    by: By = None,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete a schedule; one that stands in the code comes back with the next scheduler."""

    async def work(app: Soniq) -> None:
        await app.scheduler.remove(name)
        await note(app, by, "remove", name)
        render.remark(f"Deleted {name}.")

    if not dry_run:
        confirm(f"Delete schedule {name}?", yes=yes)
    act(database_url, name, "delete", work, dry_run=dry_run)


def act(
    database_url: str | None,
    name: str,
    verb: str,
    work: Callable[[Soniq], Awaitable[None]],
    *,
    dry_run: bool,
) -> None:
    """Do it, or only say what would be done to a schedule that there is."""

    async def look(app: Soniq) -> None:
        schedule = await found(app, name)
        render.remark(f"Would {verb} {name}, which is {schedule.status.value}.")

    load.run(database_url, look if dry_run else work)


async def found(app: Soniq, name: str) -> Schedule:
    """Return a schedule.

    Raises:
        ScheduleNotFound: there is none.
    """
    schedule = await app.scheduler.get(name)
    if schedule is None:
        message = f"No schedule {name!r}. `soniq schedules list` shows all."
        raise ScheduleNotFound(message)
    return schedule


async def note(app: Soniq, by: str | None, verb: str, name: str, **detail: Any) -> None:
    """Note who has done what, for ``soniq audit``."""
    await app.audit.note(author(by), f"schedules.{verb}", name, detail)
