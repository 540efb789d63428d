"""What commands show of arguments, results and errors: nothing that looks secret, unless asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.history import AuditEntry
    from soniq.redact import Redactor
    from soniq.schedule import Schedule
    from soniq.why import Why

Reveal = Annotated[
    bool,
    typer.Option("--reveal", help="Show also what looks secret, such as passwords and tokens."),
]


def redactor_of(app: Soniq, *, reveal: bool = False) -> Redactor:
    """Return what leaves out secrets by the names of the setting ``redact_keys``, or nothing."""
    from soniq.redact import Plain, Redactor  # noqa: PLC0415 - not before a command runs

    return (Plain if reveal else Redactor)(app.settings.redact_keys)


def shown_why(redactor: Redactor, why: Why) -> Why:
    """Return an answer as it may be shown."""
    return replace(why, sentence=redactor.text(why.sentence), facts=redactor.value(why.facts))


def shown_schedule(redactor: Redactor, schedule: Schedule) -> Schedule:
    """Return a schedule as it may be shown."""
    return replace(schedule, args=redactor.args(schedule.name, schedule.args))


def shown_entry(redactor: Redactor, entry: AuditEntry) -> AuditEntry:
    """Return a note as it may be shown: its target may be a search, and that one for a secret."""
    return replace(redactor.row(entry), target=redactor.text(entry.target))
