"""``soniq dead-letter list|show|groups|replay|delete|cleanup|export``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from soniq.cli import dead_letter_change as change
from soniq.cli import dead_letter_work as work
from soniq.cli import load, render
from soniq.cli.dead_letter_choice import choose
from soniq.cli.dead_letter_show import attempt_table, group_table, letter_table
from soniq.cli.exits import Exit, fail
from soniq.cli.group import Group
from soniq.cli.options import (
    After,
    AsJson,
    DatabaseUrl,
    ErrorFilter,
    FingerprintFilter,
    Limit,
    NameFilter,
    Offset,
    OlderThan,
    QueueFilter,
    ReasonFilter,
    SearchText,
    counted,
)
from soniq.cli.redaction import Reveal

app = typer.Typer(
    cls=Group,
    help="Look at jobs that will not run again by themselves; replay or delete them.",
    no_args_is_help=True,
)
Redact = Annotated[
    bool, typer.Option("--redact", help="Leave out what looks secret, such as passwords.")
]


@app.command("list")
def list_letters(
    *,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    error: ErrorFilter = None,
    fingerprint: FingerprintFilter = None,
    older_than: OlderThan = None,
    search: SearchText = None,
    limit: Limit = 100,
    offset: Offset = 0,
    after: After = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """List dead letters, the latest end first; those of a search with the newest job first."""
    choice = choose(
        search,
        queue=queue,
        name=name,
        reason=reason,
        error=error,
        fingerprint=fingerprint,
        older_than=older_than,
    )
    if choice.is_exact and after is None:
        found = load.run(
            database_url, lambda app: work.latest(app, choice, limit, offset, reveal=reveal)
        )
        following = f"--offset {offset + limit}" if len(found) == limit else None
    else:
        if offset:
            message = "--offset is for lists by queue, name and reason: go on with --after ID."
            raise fail(message, Exit.USAGE)
        page = load.run(
            database_url, lambda app: work.newest(app, choice, limit, after, reveal=reveal)
        )
        found, following = page.items, page.next and f"--after {page.next}"
    if as_json:
        render.document(found)
        return
    render.table(letter_table(found))
    if not found:
        render.remark("No dead letters match.")
    if following:
        render.remark(f"There may be more: {following}.")


@app.command()
def groups(
    *,
    limit: Annotated[
        int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many failures.")
    ] = 20,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show which failures there are, the most frequent first: what varies in errors is left out."""
    found = load.run(database_url, lambda app: work.groups(app, reveal=reveal))
    if as_json:
        render.document({**found._asdict(), "items": found.items[:limit]})
        return
    render.table(group_table(found.items[:limit]))
    if not found.items:
        render.remark("There are no dead letters.")
        return
    looked_at = counted(found.looked_at, "dead letter")
    which = looked_at if found.complete else f"the latest {looked_at}"
    render.remark(f"{counted(len(found.items), 'failure')} in {which}.")
    render.remark("See one with `soniq dead-letter list --fingerprint FAILURE`.")


@app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show everything about one dead letter, with the traceback, and its attempts."""
    facts, attempts = load.run(database_url, lambda app: work.look(app, job_id, reveal=reveal))
    whole = {**facts, "history": [asdict(attempt) for attempt in attempts]}
    if as_json:
        render.document(whole)
    elif not render.on_terminal():
        render.facts(whole)
    else:
        render.facts(facts)
        render.gap()
        render.table(attempt_table(attempts))


app.command()(change.replay)
app.command()(change.delete)
app.command()(change.cleanup)


@app.command()
def export(
    *,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    error: ErrorFilter = None,
    fingerprint: FingerprintFilter = None,
    older_than: OlderThan = None,
    search: SearchText = None,
    redact: Redact = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Print all dead letters, or those that match, one JSON document a line.

    They are complete, so that nothing is lost when they are deleted afterwards: secrets, too,
    unless --redact.
    """
    choice = choose(
        search,
        queue=queue,
        name=name,
        reason=reason,
        error=error,
        fingerprint=fingerprint,
        older_than=older_than,
    )
    number = load.run(database_url, lambda app: work.export(app, choice, redact=redact))
    what = "what looks secret left out" if redact else "complete with any secrets"
    render.remark(f"Exported {counted(number, 'dead letter')}, {what}.")
