"""Soniq: background jobs for Python in the database that you already have."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.context import JobContext
    from soniq.job import JobStatus
    from soniq.outcome import Snooze
    from soniq.schedules import cron, daily, every, monthly, weekly
    from soniq.task import TaskRef, task_ref

__version__ = "0.1.0"

__all__ = [
    "JobContext",
    "JobStatus",
    "Snooze",
    "Soniq",
    "TaskRef",
    "cron",
    "daily",
    "every",
    "monthly",
    "task_ref",
    "weekly",
]

HOMES = {
    "JobContext": "soniq.context",
    "JobStatus": "soniq.job",
    "Snooze": "soniq.outcome",
    "Soniq": "soniq.app",
    "TaskRef": "soniq.task",
    "cron": "soniq.schedules",
    "daily": "soniq.schedules",
    "every": "soniq.schedules",
    "monthly": "soniq.schedules",
    "task_ref": "soniq.task",
    "weekly": "soniq.schedules",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: ``soniq --help`` needs none of them."""
    if name in HOMES:
        return getattr(import_module(HOMES[name]), name)
    message = f"module 'soniq' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
