"""What an entry of the audit log is about, as the page that shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from soniq.history import AuditEntry

# What an action begins with: the page of its target, and the parameter that the target is there.
PAGES: Mapping[str, tuple[str, str | None]] = {
    "jobs": ("job", "id"),
    "dead_letters": ("dead_letter", "id"),
    "failures": ("failure", "fingerprint"),
    "schedules": ("schedule", "name"),
    "queues": ("queues", None),
    "workers": ("workers", None),
}


class Way(NamedTuple):
    """A page, by its route and the parameters of that."""

    page: str
    parameters: dict[str, str]


def way(entry: AuditEntry) -> Way | None:
    """Return where the target of an entry is to be seen; None where that is no single thing."""
    operation = entry.detail.get("operation")
    if isinstance(operation, str):
        return Way("operation", {"id": operation})
    page, parameter = PAGES.get(entry.action.partition(".")[0], ("", None))
    if not page:
        return None
    return Way(page, {parameter: entry.target} if parameter else {})
