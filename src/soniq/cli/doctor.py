"""``soniq doctor``: what is wrong with an installation, and the cure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import load, render
from soniq.cli.escape import escape
from soniq.cli.exits import Exit
from soniq.cli.options import AsJson, DatabaseUrl, counted

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.doctor import Finding

Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="ID,…", help="Only these checks; may be given several times."),
]
All = Annotated[bool, typer.Option("--all", "-a", help="Tell of what is well, too.")]
# What is worst comes first.
ORDER = ("error", "warning", "skipped", "ok")
BAD = ("error", "warning")
INDENT = 9


def doctor(
    database_url: DatabaseUrl = None,
    *,
    only: Only = None,
    everything: All = False,
    as_json: AsJson = False,
) -> None:
    """Check the database, the workers, the queues and the settings; exit code 3 if all is not well.

    Changes nothing.
    """
    ids = [part.strip() for text in only or () for part in text.split(",") if part.strip()]
    findings = load.run_unchecked(database_url, lambda app: examine(app, ids))
    bad = [one for one in findings if one.severity in BAD]
    if as_json:
        render.document({"ok": not bad, "findings": findings})
    elif render.on_terminal():
        tell(findings, everything=everything or bool(ids))
    else:
        rows = [(one.severity, one.id, one.title, one.evidence, one.cure) for one in findings]
        render.table(render.Table(("severity", "check", "title", "evidence", "cure"), rows))
    if not as_json:
        render.remark(summary(findings))
    if bad:
        raise typer.Exit(Exit.PROBLEMS)


async def examine(app: Soniq, ids: Sequence[str]) -> list[Finding]:
    """Return what the checks find, the worst first."""
    findings = await app.check(ids or None)
    return sorted(findings, key=lambda one: ORDER.index(one.severity))


def tell(findings: Sequence[Finding], *, everything: bool) -> None:
    """Print findings for people: what is wrong with proof and cure, the rest if wanted."""
    width = render.console().width
    for one in findings:
        if one.severity == "ok" and not everything:
            continue
        typer.echo(f"{one.severity:<{INDENT}}{one.title} ({one.id})")
        typer.echo(indented(one.evidence, width))
        if one.cure:
            # In one piece, so that it can be copied.
            typer.echo(f"{'':<{INDENT}}Cure: {escape(one.cure)}")
        typer.echo()


def indented(text: str, width: int) -> str:
    """Return text in lines that fit below a heading."""
    margin = " " * INDENT
    return textwrap.fill(
        escape(text), width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )


def summary(findings: Sequence[Finding]) -> str:
    """Return how many checks have come to what."""
    numbers = {kind: sum(one.severity == kind for one in findings) for kind in ORDER}
    told = [
        counted(numbers["error"], "error"),
        counted(numbers["warning"], "warning"),
        f"{numbers['skipped']:,} skipped",
        f"{numbers['ok']:,} fine",
    ]
    return f"{counted(len(findings), 'check')}: {', '.join(told)}."
