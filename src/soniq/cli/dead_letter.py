"""``soniq dead-letter list|show|replay|delete|cleanup|export``."""

from __future__ import annotations

from typing import Annotated

import typer

from soniq.cli import dead_letter_work as work
from soniq.cli import load, render
from soniq.cli.exits import Exit, fail
from soniq.cli.options import (
    AsJson,
    DatabaseUrl,
    DryRun,
    Ids,
    Limit,
    NameFilter,
    Offset,
    QueueFilter,
    ReasonFilter,
    Yes,
    confirm,
    counted,
    read_duration,
)

app = typer.Typer(
    help="Look at jobs that will not run again by themselves; replay or delete them.",
    no_args_is_help=True,
)
Age = Annotated[
    float,
    typer.Option(
        parser=read_duration, metavar="AGE", help="Only what ended longer ago, such as 12h or 7d."
    ),
]
OptionalIds = Annotated[
    list[str] | None, typer.Argument(metavar="[ID…]", help="Ids, or --all with filters.")
]


@app.command("list")
def list_letters(
    *,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    limit: Limit = 100,
    offset: Offset = 0,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """List dead letters, the latest first."""
    found = load.run(
        database_url,
        lambda app: app.dead_letter.list(
            queue=queue, name=name, reason=reason, limit=limit, offset=offset
        ),
    )
    if as_json:
        render.document(found)
        return
    render.table(work.letter_table(found))
    if not found:
        render.remark("No dead letters match.")
    elif len(found) == limit:
        render.remark(f"There may be more: --offset {offset + limit}.")


@app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show everything about one dead letter, with the traceback."""
    letter = load.run(database_url, lambda app: work.find(app, job_id))
    if as_json:
        render.document(letter)
    else:
        render.facts(dict(letter))


@app.command()
def replay(
    ids: OptionalIds = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="All that match the filters and were never replayed.")
    ] = False,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    limit: Limit = 100,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Queue dead letters again, each as a new job with a fresh budget; print the new ids."""
    if bool(ids) == everything:
        message = "Give the ids of dead letters, or --all (with filters)."
        raise fail(message, Exit.USAGE)
    if ids and (queue or name or reason):
        message = "Filters go with --all, not with ids."
        raise fail(message, Exit.USAGE)
    chosen = ids or load.run(
        database_url,
        lambda app: work.replayable(app, queue=queue, name=name, reason=reason, limit=limit),
    )
    if everything and chosen and not dry_run:
        confirm(f"Replay {counted(len(chosen), 'dead letter')}?", yes=yes)
    finish(load.run(database_url, lambda app: work.replay(app, chosen, dry_run=dry_run)))


@app.command()
def delete(
    ids: Ids, *, yes: Yes = False, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Delete dead letters for good."""
    if not dry_run:
        confirm(f"Delete {counted(len(ids), 'dead letter')} for good?", yes=yes)
    finish(load.run(database_url, lambda app: work.delete(app, ids, dry_run=dry_run)))


@app.command()
def cleanup(
    *,
    older_than: Age,
    queue: QueueFilter = None,
    name: NameFilter = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete all dead letters that ended longer ago than AGE."""
    if dry_run or not yes:
        number = load.run(
            database_url, lambda app: work.count(app, older_than, queue=queue, name=name)
        )
        if dry_run or not number:
            render.remark(
                f"{'Would delete' if number else 'There are'} {counted(number, 'dead letter')}."
            )
            return
        confirm(f"Delete {counted(number, 'dead letter')} for good?", yes=yes)
    deleted = load.run(
        database_url, lambda app: app.dead_letter.purge(older_than, queue=queue, name=name)
    )
    render.remark(f"Deleted {counted(deleted, 'dead letter')}.")


@app.command()
def export(
    *,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print all dead letters, one JSON document a line."""
    number = load.run(
        database_url, lambda app: work.export(app, queue=queue, name=name, reason=reason)
    )
    render.remark(f"Exported {counted(number, 'dead letter')}.")


def finish(failures: int) -> None:
    """Exit with "not found" if there were failures."""
    if failures:
        raise typer.Exit(Exit.NOT_FOUND)
