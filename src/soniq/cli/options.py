"""The options that commands share, and how their values are read."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from soniq import durations
from soniq.cli.exits import Exit, fail


def read_duration(text: str) -> float:
    """Return the seconds that a text such as ``7d`` stands for; BadParameter otherwise."""
    try:
        return durations.read_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


Target = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODULE:APP]",
        help="Where the Soniq object is (default: SONIQ_APP, else in SONIQ_JOBS_MODULES).",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="postgresql://… or sqlite:///path (default: SONIQ_DATABASE_URL, else soniq.db here).",
    ),
]


class LogKind(StrEnum):
    """How lines of the log look: for people, or one JSON object each."""

    CONSOLE = "console"
    JSON = "json"


LogFormat = Annotated[
    LogKind | None, typer.Option("--log-format", help="Instead of SONIQ_LOG_FORMAT.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port", min=0, max=65_535, metavar="PORT",
        help="Serve /metrics, /healthz and /readyz there.",
    ),
]  # fmt: skip
MetricsHost = Annotated[
    str | None,
    typer.Option("--metrics-host", metavar="ADDRESS", help="At this address (127.0.0.1)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Check = Annotated[
    bool,
    typer.Option("--check", help="Only check that all due jobs have a worker; exit code 3 if not."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
By = Annotated[
    str | None, typer.Option("--by", help="Who does it (default: cli:you@host), for the audit.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
QueueFilter = Annotated[str | None, typer.Option("--queue", "-q", help="Only of this queue.")]
NameFilter = Annotated[
    str | None,
    typer.Option("--name", "--task", "-n", help="Only of this task; mail.* for all such."),
]
ReasonFilter = Annotated[
    str | None, typer.Option("--reason", "-r", help="Only with this reason, such as timeout.")
]
ErrorFilter = Annotated[
    str | None, typer.Option("--error", "-e", help="Only where the error contains this.")
]
FingerprintFilter = Annotated[
    str | None,
    typer.Option("--fingerprint", "-f", help="Only of this failure: see `dead-letter groups`."),
]
AGE = typer.Option(
    parser=read_duration, metavar="AGE", help="Only what ended longer ago, such as 12h or 7d."
)
OlderThan = Annotated[float | None, AGE]
SearchText = Annotated[
    str | None,
    typer.Option("--search", metavar="WORDS", help="In words: 'age:>1h args.user.id:42'."),
]
Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SEARCH]", help="Words: 'state:queued task:mail.* age:>1h'."),
]
After = Annotated[
    str | None, typer.Option("--after", metavar="ID", help="Go on after this one of a search.")
]
Everything = Annotated[bool, typer.Option("--all", help="All that there are, or that match.")]
OptionalIds = Annotated[
    list[str] | None, typer.Argument(metavar="[ID…]", help="Ids, or filters, or --all.")
]
Limit = Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")]
Offset = Annotated[int, typer.Option("--offset", min=0, help="Leave out the first so many.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID…", help="One id or several.")]


def joined(words: list[str] | None) -> str:
    """Return a search that a shell may have taken apart."""
    return " ".join(words or ())


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if that is wanted: ``--yes``, or the answer y on a terminal.

    Raises:
        Exit: the answer is no (code 1), or there is nobody to ask (code 2).
    """
    if yes:
        return
    if not can_ask():
        message = (
            f"{question} There is no terminal to ask on: add --yes, or --dry-run to look first."
        )
        raise fail(message, Exit.USAGE)
    if not typer.confirm(question, err=True):
        typer.echo("Nothing was done.", err=True)
        raise typer.Exit(Exit.FAILED)


def can_ask() -> bool:
    """Tell whether a person sits at both ends: one who sees the question and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def counted(number: int, noun: str) -> str:
    """Return ``1 job`` or ``2 jobs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
