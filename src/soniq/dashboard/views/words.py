"""Words for what the database knows by short names. Pure."""

from __future__ import annotations

import shlex

from soniq.dashboard.views.numbers import count
from soniq.dashboard.views.times import NOTHING

SHORT_ID = 8
REASONS = {
    "max_retries_exceeded": "attempts used up",
    "timeout": "ran too long",
    "permanent_failure": "failed for good",
    "invalid_arguments": "arguments did not fit",
    "job_not_found": "unknown task",
    "worker_crashed": "crashed its workers",
}
OUTCOMES = {
    "complete": "done",
    "retry": "failed",
    "bury": "gave up",
    "crash": "worker lost",
    "cancel": "cancelled",
    "snooze": "snoozed",
}


def shell(*words: str) -> str:
    """Return a command line of ``soniq`` that a shell takes as it is meant."""
    return shlex.join(["soniq", *words])


def kind(error: str | None) -> str:
    """Return the type that an error begins with, or its first words."""
    return clip((error or "").partition(":")[0].partition("\n")[0], 80)


def some(number: int, word: str, plural: str | None = None) -> str:
    """Return a number with its word: ``1 job``, ``2 jobs``."""
    return f"{count(number)} {word if number == 1 else plural or word + 's'}"


def short(identifier: str | None) -> str:
    """Return what tells an id from others nearby: its end, since its beginning is the time."""
    text = identifier or NOTHING
    return text if len(text) <= SHORT_ID else f"…{text[-SHORT_ID:]}"


def clip(text: str | None, length: int = 120) -> str:
    """Return a text on one line, cut where it is too long."""
    line = " ".join((text or "").split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def first_line(text: str | None, length: int = 160) -> str:
    """Return the first line of a text that says something."""
    lines = (line.strip() for line in (text or "").splitlines())
    return clip(next(filter(None, lines), ""), length)


def reason(name: str) -> str:
    """Return in words why a job was buried; a name that is not known stays as it is."""
    return REASONS.get(name, name.replace("_", " "))


def outcome(name: str) -> str:
    """Return in words how an attempt ended; a name that is not known stays as it is."""
    return OUTCOMES.get(name, name)
