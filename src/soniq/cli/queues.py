"""``soniq queues list|pause|resume``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import load, render
from soniq.cli.actor import author
from soniq.cli.exits import Exit
from soniq.cli.group import Group
from soniq.cli.options import AsJson, By, DatabaseUrl, DryRun, counted

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.standing import Pause, QueueStanding

app = typer.Typer(cls=Group, help="Look at queues, pause them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The name of the queue.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, for those who wonder later.")]


@app.command("list")
def list_queues(*, as_json: AsJson = False, database_url: DatabaseUrl = None) -> None:
    """List queues by name: what waits, runs and is dead, who serves them, and who paused them."""
    found = load.run(database_url, lambda app: app.queues.list())
    if as_json:
        render.document(found)
        return
    render.table(queue_table(found, datetime.now(UTC)))
    if render.on_terminal():
        for one in found:
            if one.pause:
                render.remark(described(one.pause))
    if not found:
        render.remark("No queue has jobs, dead letters or a pause.")
    idle = [one.queue for one in found if one.due and not one.served_by and one.pause is None]
    if idle:
        queues = counted(len(idle), "queue")
        render.remark(f"Nobody claims from {queues} with due jobs: {', '.join(idle)}.")


@app.command()
def pause(
    queue: Name,
    *,
    reason: Reason = "",
    by: By = None,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Let no worker claim from a queue until it is resumed; jobs that run go on."""
    load.run(database_url, lambda app: hold(app, queue, author(by), reason, dry_run=dry_run))


@app.command()
def resume(
    queue: Name, *, by: By = None, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Let workers claim from a paused queue again; exit code 1 if it was not paused."""
    if not load.run(database_url, lambda app: let_go(app, queue, author(by), dry_run=dry_run)):
        raise typer.Exit(Exit.FAILED)


async def hold(app: Soniq, queue: str, by: str, reason: str, *, dry_run: bool) -> None:
    """Pause a queue, or only say so, and tell what that means there."""
    standing = await find(app, queue)
    fresh = standing is None or standing.pause is None
    if not dry_run:
        fresh = await app.queues.pause(queue, by=by, reason=reason)
        await app.audit.note(by, "queues.pause", queue, {"reason": reason})
    if not fresh:
        what = "Would replace who paused it, and why" if dry_run else "Author and reason are new"
        render.remark(f"Queue {queue} was paused already. {what}.")
        return
    render.remark(f"{'Would pause' if dry_run else 'Paused'} queue {queue}: {effect(standing)}")
    if not dry_run:
        render.remark(f"`soniq queues resume {queue}` lets it go on.")


async def let_go(app: Soniq, queue: str, by: str, *, dry_run: bool) -> bool:
    """Resume a queue, or only say so; tell whether it was paused."""
    if dry_run:
        standing = await find(app, queue)
        paused = standing is not None and standing.pause is not None
    else:
        paused = await app.queues.resume(queue)
    if not paused:
        render.remark(f"Queue {queue} is not paused. `soniq queues list` shows those that are.")
        return False
    if dry_run:
        render.remark(f"Would resume queue {queue}.")
        return True
    await app.audit.note(by, "queues.resume", queue)
    render.remark(f"Resumed queue {queue}.")
    return True


async def find(app: Soniq, queue: str) -> QueueStanding | None:
    """Return how a queue stands, None if nothing is known of it."""
    return next((one for one in await app.queues.list() if one.queue == queue), None)


def effect(standing: QueueStanding | None) -> str:
    """Return what a pause means for the jobs that are there now."""
    if standing is None:
        return "it has no jobs now. Is that the name? It holds for those that come."
    waiting = standing.due + standing.later
    words = f"{'' if standing.exact else 'about '}{counted(waiting, 'job')} "
    words += "waits" if waiting == 1 else "wait"
    if standing.processing:
        words += f", {counted(standing.processing, 'job')} that run may end"
    return f"{words}."


def queue_table(queues: list[QueueStanding], now: datetime) -> render.Table:
    """Return one line per queue; people read distances, programs times."""
    columns = ("queue", "due", "later", "running", "dead", "oldest", "workers", "paused")
    if render.on_terminal():
        rows = [
            (
                one.queue,
                amount(one.due, exact=one.exact),
                amount(one.later, exact=one.exact),
                one.processing,
                one.dead_letter,
                render.age(one.oldest_due_at, now),
                one.served_by,
                render.age(one.pause.paused_at if one.pause else None, now),
            )
            for one in queues
        ]
        narrow = {"later": 70, "dead": 80}
        return render.Table(columns, rows, right=columns[1:7], folded=("queue",), wide=narrow)
    whole = [
        (
            one.queue,
            one.due,
            one.later,
            one.processing,
            one.dead_letter,
            one.oldest_due_at,
            one.served_by,
            *pause_of(one),
        )
        for one in queues
    ]
    return render.Table((*columns, "by", "reason"), whole)


def amount(number: int, *, exact: bool) -> str:
    """Return a number, marked where it is an estimate."""
    return f"{'' if exact else '~'}{number:,}"


def pause_of(one: QueueStanding) -> tuple[object, object, object]:
    """Return when a queue was paused, by whom and why; nothing where it is not."""
    pause = one.pause
    return (None, None, None) if pause is None else (pause.paused_at, pause.paused_by, pause.reason)


def described(pause: Pause) -> str:
    """Return who has paused a queue, and why."""
    why = f": {pause.reason}" if pause.reason else "."
    return f"Queue {pause.queue} is paused by {pause.paused_by}{why}"
