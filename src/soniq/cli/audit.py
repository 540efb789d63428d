"""``soniq audit``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import load, render
from soniq.cli.exits import Exit, fail
from soniq.cli.options import AsJson, DatabaseUrl, Limit
from soniq.cli.redaction import Reveal, redactor_of, shown_entry

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.history import AuditEntry

Before = Annotated[
    str | None, typer.Option("--before", metavar="ID", help="Only what is older than this entry.")
]


def audit(
    *,
    limit: Limit = 50,
    before: Before = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """List what people did to jobs, queues, workers and schedules, the latest first."""
    check_before(before)
    found = load.run(database_url, lambda app: read(app, limit, before, reveal=reveal))
    if as_json:
        render.document(found)
        return
    render.table(entry_table(found))
    if not found:
        render.remark("Nobody has changed anything: by hand, that is.")
    elif len(found) == limit:
        render.remark(f"There may be more: --before {found[-1].id}.")


def check_before(before: str | None) -> None:
    """Refuse an id that no entry can have: it would look as if there was nothing."""
    from soniq.backends.ids import canonical  # noqa: PLC0415 - not before a command runs

    if before is not None and canonical(before) is None:
        message = f"--before {before} is no id of an entry: `soniq audit --json` shows them."
        raise fail(message, Exit.USAGE)


async def read(app: Soniq, limit: int, before: str | None, *, reveal: bool) -> list[AuditEntry]:
    """Return entries as they may be shown."""
    redactor = redactor_of(app, reveal=reveal)
    found = await app.audit.list(limit=limit, before=before)
    return [shown_entry(redactor, entry) for entry in found]


def entry_table(entries: list[AuditEntry]) -> render.Table:
    """Return one line per entry; in a pipe with its id and the exact time."""
    if not render.on_terminal():
        rows = [(one.at, one.actor, one.action, one.target, one.detail, one.id) for one in entries]
        return render.Table(("at", "who", "did", "to", "detail", "id"), rows)
    now = datetime.now(UTC)
    shown = [
        (render.age(one.at, now), one.actor, one.action, one.target, one.detail or None)
        for one in entries
    ]
    return render.Table(
        ("when", "who", "did", "to", "detail"),
        shown,
        # An id that is broken in two can't be copied: the name makes room before it.
        folded=("who", "to"),
        clipped=("detail",),
        wide={"detail": 110},
    )
