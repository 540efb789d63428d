"""``soniq dead-letter replay|delete|cleanup``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import dead_letter_changing as changing
from soniq.cli import load, render
from soniq.cli.dead_letter_choice import Choice, choose
from soniq.cli.dead_letter_show import places, sample_of
from soniq.cli.exits import Exit, fail
from soniq.cli.options import (
    AGE,
    DatabaseUrl,
    DryRun,
    ErrorFilter,
    Everything,
    FingerprintFilter,
    NameFilter,
    OlderThan,
    OptionalIds,
    QueueFilter,
    ReasonFilter,
    SearchText,
    Yes,
    confirm,
    counted,
)

if TYPE_CHECKING:
    from soniq.job import DeadLetter
    from soniq.search import Preview

First = Annotated[
    int | None,
    typer.Option(
        "--first", "--limit", "-l", min=1, help="Only the so many oldest, to try whether it helps."
    ),
]


def replay(
    ids: OptionalIds = None,
    *,
    everything: Everything = False,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    error: ErrorFilter = None,
    fingerprint: FingerprintFilter = None,
    older_than: OlderThan = None,
    search: SearchText = None,
    first: First = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Queue dead letters again, each as a new job with a fresh budget; print the new ids.

    By id, or all that match the filters and were never replayed, the oldest first.
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
    check_what(ids, choice, named=everything or first is not None)
    if ids:
        finish(load.run(database_url, lambda app: changing.replay(app, ids, dry_run=dry_run)))
        return
    if not yes or dry_run:
        seen = load.run(database_url, lambda app: changing.preview(app, choice, replayed=False))
        if not told("replay", seen, first=first, yes=yes, dry_run=dry_run):
            return
    load.run(database_url, lambda app: changing.replay_matching(app, choice, first))


def delete(
    ids: OptionalIds = None,
    *,
    everything: Everything = False,
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    error: ErrorFilter = None,
    fingerprint: FingerprintFilter = None,
    older_than: OlderThan = None,
    search: SearchText = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete dead letters for good: by id, or all that match the filters."""
    choice = choose(
        search,
        queue=queue,
        name=name,
        reason=reason,
        error=error,
        fingerprint=fingerprint,
        older_than=older_than,
    )
    check_what(ids, choice, named=everything)
    if ids:
        if not dry_run:
            confirm(f"Delete {counted(len(ids), 'dead letter')} for good?", yes=yes)
        finish(load.run(database_url, lambda app: changing.delete(app, ids, dry_run=dry_run)))
        return
    delete_all(choice, "delete", yes=yes, dry_run=dry_run, database_url=database_url)


def cleanup(
    *,
    older_than: Annotated[float, AGE],
    queue: QueueFilter = None,
    name: NameFilter = None,
    reason: ReasonFilter = None,
    error: ErrorFilter = None,
    fingerprint: FingerprintFilter = None,
    search: SearchText = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete the dead letters that ended longer ago than AGE: all, or those that match."""
    choice = choose(
        search,
        queue=queue,
        name=name,
        reason=reason,
        error=error,
        fingerprint=fingerprint,
        older_than=older_than,
    )
    delete_all(choice, "cleanup", yes=yes, dry_run=dry_run, database_url=database_url)


def delete_all(
    choice: Choice, verb: str, *, yes: bool, dry_run: bool, database_url: str | None
) -> None:
    """Delete all that are meant, once that is wanted; ``verb``: how it is noted."""
    if not yes or dry_run:
        seen = load.run(database_url, lambda app: changing.preview(app, choice))
        if not told("delete", seen, yes=yes, dry_run=dry_run):
            return
    load.run(database_url, lambda app: changing.delete_matching(app, choice, verb))


def check_what(ids: list[str] | None, choice: Choice, *, named: bool) -> None:
    """Refuse a command that does not say which letters it means, or says it twice."""
    if ids and (named or not choice.is_everything):
        message = "Filters and --all mean all that match: give them, or ids, but not both."
        raise fail(message, Exit.USAGE)
    if not ids and not named and choice.is_everything:
        message = "Say which: give ids of dead letters, filters such as --queue, or --all."
        raise fail(message, Exit.USAGE)


def told(
    verb: str,
    seen: Preview[DeadLetter],
    *,
    first: int | None = None,
    yes: bool,
    dry_run: bool,
) -> bool:
    """Say what would be done, and ask; tell whether to go on."""
    if not seen.count:
        render.remark(f"There are no dead letters to {verb} that match.")
        return False
    what = amount(seen, first)
    if dry_run:
        render.remark(f"Would {verb} {what}.\nIn the queues: {places(seen.queues)}.")
        render.remark(f"The newest of them:\n{sample_of(seen.sample)}")
        return False
    confirm(f"{verb.capitalize()} {what}{'' if verb == 'replay' else ' for good'}?", yes=yes)
    return True


def amount(seen: Preview[DeadLetter], first: int | None) -> str:
    """Return how many letters are meant, in words."""
    letters = counted(seen.count, "dead letter")
    if not seen.exact:
        letters = f"at least {letters}"
    return letters if first is None or first >= seen.count else f"the {first:,} oldest of {letters}"


def finish(failures: int) -> None:
    """Exit with "not found" if there were failures."""
    if failures:
        raise typer.Exit(Exit.NOT_FOUND)
