"""``soniq jobs list|show|why|tail|retry|cancel``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import jobs_work as work
from soniq.cli import load, render
from soniq.cli.actor import author
from soniq.cli.exits import Exit, fail
from soniq.cli.group import Group
from soniq.cli.jobs_show import amount, described, job_table, show_job, show_why, whole
from soniq.cli.jobs_tail import tail
from soniq.cli.options import (
    After,
    AsJson,
    By,
    DatabaseUrl,
    DryRun,
    Limit,
    NameFilter,
    QueueFilter,
    Words,
    Yes,
    confirm,
    counted,
    joined,
)
from soniq.cli.redaction import Reveal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from soniq.app import Soniq
    from soniq.job import Job
    from soniq.search import Found, JobSearch, Preview

app = typer.Typer(
    cls=Group,
    help="Look at jobs, ask why one does not run, retry or cancel them.",
    no_args_is_help=True,
)
Id = Annotated[str, typer.Argument(metavar="ID")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID…]", help="Ids, or --matching.")]
Matching = Annotated[
    str | None,
    typer.Option("--matching", "-m", metavar="SEARCH", help="All that match: 'task:mail.*'."),
]
First = Annotated[
    int | None, typer.Option("--first", min=1, help="Only the so many newest of those that match.")
]
Status = Annotated[
    str | None,
    typer.Option("--status", "-s", help="Only queued, processing, done or cancelled ones."),
]


@app.command("list")
def list_jobs(
    search: Words = None,
    *,
    queue: QueueFilter = None,
    status: Status = None,
    name: NameFilter = None,
    limit: Limit = 100,
    after: After = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """List jobs, newest first; those of a search such as 'state:queued task:mail.* age:>1h'."""
    wanted = work.wanted(joined(search), queue=queue, status=status, name=name)
    found, total = load.run(
        database_url,
        lambda app: work.page(app, wanted, limit=limit, after=after, reveal=reveal),
    )
    if as_json:
        render.document(found.items)
    else:
        render.table(job_table(found.items))
    tell_rest(found, limit=limit, after=after, total=total)


@app.command()
def show(
    job_id: Id,
    *,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show everything about one job, with its attempts that did not end well."""
    job, attempts = load.run(database_url, lambda app: work.look(app, job_id, reveal=reveal))
    if as_json:
        render.document(whole(job, attempts))
    else:
        show_job(job, attempts)


@app.command()
def why(
    job_id: Id,
    *,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Say why a job is not running, with the proof: the first reason that holds."""
    found = load.run(database_url, lambda app: work.why(app, job_id, reveal=reveal))
    if as_json:
        render.document(found)
    else:
        show_why(found)


app.command()(tail)


@app.command()
def retry(
    ids: Ids = None,
    *,
    matching: Matching = None,
    first: First = None,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Let jobs run again now: print the ids of those that will.

    What waits for later becomes due; of what has ended another one is enqueued; a dead letter is
    replayed.
    """
    author_name = author(by)
    search = read_choice(ids, matching)
    if ids and first is not None:
        message = "--first is for --matching: of jobs that are named, name those that are meant."
        raise fail(message, Exit.USAGE)
    if search is None:
        finish(
            load.run(
                database_url,
                lambda app: work.retry_all(app, ids or [], author_name, dry_run=dry_run),
            )
        )
    elif go_on(
        database_url,
        lambda app: app.jobs.preview(search),
        "retry",
        first=first,
        yes=yes,
        dry_run=dry_run,
    ):
        load.run(database_url, lambda app: work.retry_matching(app, search, author_name, first))


@app.command()
def cancel(
    ids: Ids = None,
    *,
    matching: Matching = None,
    by: By = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Cancel jobs: those that wait at once; those that run are stopped by their worker."""
    author_name = author(by)
    search = read_choice(ids, matching)
    if search is None:
        if not dry_run:
            confirm(f"Cancel {counted(len(ids or []), 'job')}?", yes=yes)
        finish(
            load.run(
                database_url,
                lambda app: work.cancel_all(app, ids or [], author_name, dry_run=dry_run),
            )
        )
    elif go_on(
        database_url,
        lambda app: work.preview_cancel(app, search),
        "cancel",
        yes=yes,
        dry_run=dry_run,
    ):
        load.run(database_url, lambda app: work.cancel_matching(app, search, author_name))


def read_choice(ids: list[str] | None, matching: str | None) -> JobSearch | None:
    """Return the search of those that are meant, None if they are named.

    Raises:
        InvalidSearch: a word that means nothing.
        Exit: neither or both are given (code 2).
    """
    if bool(ids) == (matching is not None):
        message = "Say which: give ids of jobs, or --matching with a search, but not both."
        raise fail(message, Exit.USAGE)
    if matching is None:
        return None
    from soniq.search import parse_search  # noqa: PLC0415 - `soniq jobs --help` needs none of it

    return parse_search(matching)


def go_on(
    database_url: str | None,
    look: Callable[[Soniq], Awaitable[Preview[Job]]],
    verb: str,
    *,
    first: int | None = None,
    yes: bool,
    dry_run: bool,
) -> bool:
    """Say what would be done, and ask; tell whether to go on."""
    if yes and not dry_run:
        return True
    seen = load.run(database_url, look)
    if not seen.count:
        render.remark(f"There are no jobs to {verb} that match.")
        return False
    render.remark(described(verb, seen, first))
    if dry_run:
        return False
    confirm(f"{verb.capitalize()} {amount(seen, first)}?", yes=yes)
    return True


def tell_rest(found: Found[Job], *, limit: int, after: str | None, total: int | None) -> None:
    """Say whether there is more, or how far the search has got."""
    if found.next is None:
        if not found.items:
            render.remark("No job matches. `soniq status` counts those that there are.")
        return
    if len(found.items) == limit:
        render.remark(f"There may be more: --after {found.next}.")
        return
    which = "the newest" if after is None else "the next"
    of = "" if total is None else f" of about {total:,}"
    render.remark(
        f"Searched {which} {found.looked_at:,}{of} jobs. To search on: --after {found.next}."
    )


def finish(codes: list[Exit]) -> None:
    """Exit with the worst of what went wrong."""
    if codes:
        raise typer.Exit(max(codes))
