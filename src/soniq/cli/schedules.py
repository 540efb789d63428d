"""``soniq schedules list|show|preview|pause|resume|run|remove``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from soniq.cli import load, render
from soniq.cli import schedules_change as change
from soniq.cli.group import Group
from soniq.cli.options import AsJson, DatabaseUrl, counted
from soniq.cli.redaction import Reveal, redactor_of, shown_schedule
from soniq.cli.schedules_change import Name
from soniq.schedule import ScheduleStatus

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.schedule import Fired, Schedule
    from soniq.scheduler.preview import Tick

app = typer.Typer(
    cls=Group, help="Look at recurring jobs, pause or run them.", no_args_is_help=True
)
Status = Annotated[str | None, typer.Option("--status", "-s", help="Only active or paused ones.")]
Number = Annotated[int, typer.Option("--number", "-n", min=1, max=1000, help="So many ticks.")]
SHOWN_TICKS = 5
OVERDUE = timedelta(minutes=1)


@app.command("list")
def list_schedules(
    *,
    status: Status = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """List schedules by name: when they fire, next and last."""
    found = load.run(database_url, lambda app: read(app, status, reveal=reveal))
    if as_json:
        render.document([facts_of(schedule) for schedule in found])
        return
    render.table(schedule_table(found))
    if not found:
        render.remark("No schedule matches. @app.periodic() and app.scheduler.add() make them.")
    overdue = [schedule.name for schedule in found if is_overdue(schedule)]
    if overdue:
        render.remark(f"{counted(len(overdue), 'schedule')} overdue: does `soniq scheduler` run?")


@app.command()
def show(
    name: Name,
    *,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show everything about one schedule, with its last ticks."""
    schedule, history = load.run(database_url, lambda app: look(app, name, reveal=reveal))
    if as_json:
        render.document({**facts_of(schedule), "history": list(map(fired_facts, history))})
        return
    render.facts(facts_of(schedule))
    render.gap()
    rows = [(one.tick, one.job_id or "(a waiting job stood for it)") for one in history]
    render.table(render.Table(("fired", "job"), rows, key="tick"))


@app.command()
def preview(
    name: Name,
    *,
    number: Number = SHOWN_TICKS,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the next ticks, in the schedule's zone and in UTC, and where clocks change."""
    schedule, ticks = load.run(database_url, lambda app: foresee(app, name, number))
    if as_json:
        render.document(
            {"name": name, "fires": words(schedule), "ticks": list(map(tick_facts, ticks))}
        )
        return
    written = f" [{schedule.cron}]" if schedule.cron else ""
    render.remark(f"{name}: {words(schedule)}{written}")
    if schedule.status is ScheduleStatus.PAUSED:
        render.remark("It is paused: none of these fires before it is resumed.")
    render.table(tick_table(schedule, ticks))


app.command()(change.pause)
app.command()(change.resume)
app.command()(change.run)
app.command()(change.remove)


async def read(app: Soniq, status: str | None, *, reveal: bool) -> list[Schedule]:
    """Return schedules as they may be shown."""
    redactor = redactor_of(app, reveal=reveal)
    return [shown_schedule(redactor, one) for one in await app.scheduler.list(status=status)]


async def look(app: Soniq, name: str, *, reveal: bool) -> tuple[Schedule, list[Fired]]:
    """Return a schedule and its last ticks."""
    history = await app.scheduler.history(name)
    return shown_schedule(redactor_of(app, reveal=reveal), await change.found(app, name)), history


async def foresee(app: Soniq, name: str, number: int) -> tuple[Schedule, list[Tick]]:
    """Return a schedule and its next ticks."""
    ticks = await app.scheduler.preview(name, number)
    return await change.found(app, name), ticks


def schedule_table(schedules: list[Schedule]) -> render.Table:
    """Return one line per schedule."""
    columns = ("name", "state", "fires", "next", "last", "missed")
    rows = [
        (
            schedule.name,
            state(schedule),
            words(schedule),
            moment(schedule.next_at if schedule.status is ScheduleStatus.ACTIVE else None),
            moment(schedule.last_at),
            schedule.missed_count,
        )
        for schedule in schedules
    ]
    return render.Table(
        columns, rows, right=("missed",), folded=("fires", "name"), wide={"last": 90, "missed": 100}
    )


def tick_table(schedule: Schedule, ticks: list[Tick]) -> render.Table:
    """Return one line per tick; people need not read the same time twice."""
    rows = [(f"{tick.local:%a %Y-%m-%d %H:%M:%S %z}", tick.at, tick.note or "") for tick in ticks]
    if schedule.timezone == "UTC" and render.on_terminal():
        return render.Table(("in UTC",), [row[:1] for row in rows])
    return render.Table((f"in {schedule.timezone}", "UTC", "note"), rows, folded=("note",))


def is_overdue(schedule: Schedule) -> bool:
    """Tell whether it is so late that nobody seems to fire it, by the clock of this host."""
    late = datetime.now(UTC) - schedule.next_at
    return state(schedule) == ScheduleStatus.ACTIVE and late > OVERDUE


def state(schedule: Schedule) -> str:
    """Return active, paused or orphaned."""
    return "orphaned" if schedule.orphaned_at else schedule.status.value


def words(schedule: Schedule) -> str:
    """Return when a schedule fires, in words: ``At 09:00 (Europe/Paris)``."""
    from soniq.crontab import describe  # noqa: PLC0415 - only where something is described

    if schedule.cron is None:
        return interval(schedule.every or 0)
    zone = "" if schedule.timezone == "UTC" else f" ({schedule.timezone})"
    return f"{describe(schedule.cron)}{zone}"


def interval(seconds: float) -> str:
    """Return an interval in the largest unit that holds it evenly: ``Every 90 minutes``."""
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        number, rest = divmod(seconds, size)
        if number and not rest:
            return f"Every {unit}" if number == 1 else f"Every {number:.0f} {unit}s"
    return f"Every {seconds:.15g} seconds"


def moment(when: datetime | None) -> object:
    """Return a time as a distance for people, as it is for programs."""
    return render.age(when, datetime.now(UTC)) if render.on_terminal() else when


def facts_of(schedule: Schedule) -> dict[str, Any]:
    """Return all that is known of a schedule, with its recurrence in words."""
    facts = dict(schedule)
    return {
        "name": facts.pop("name"),
        "state": state(schedule),
        "fires": words(schedule),
        **facts,
    }


def fired_facts(fired: Fired) -> dict[str, Any]:
    """Return a tick that was fired, as JSON has it."""
    return {"at": fired.tick, "job_id": fired.job_id}


def tick_facts(tick: Tick) -> dict[str, Any]:
    """Return a tick to come, as JSON has it."""
    return {"at": tick.at, "local": tick.local.isoformat(), "note": tick.note}
