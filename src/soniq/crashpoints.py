"""Named places where a test can have this process killed, to see what a crash there leaves behind.

``SONIQ_TEST_CRASHPOINT=settle.committed:3`` sends SIGKILL to the process when it gets there for the
third time. Otherwise a place costs one look at a constant: ``if crashpoints.ARMED: …``.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

NAMES = (
    "claim.before_commit",
    "claim.committed",
    "handler.before",
    "handler.after",
    "settle.before_commit",
    "settle.committed",
    "transaction.before_commit",
    "transaction.committed",
    "bury.between",
    "rescue.between_rows",
    "migrate.between",
)


@dataclass(slots=True)
class CrashPoint:
    """The place where this process ends, and how often it has yet to get there."""

    name: str
    passages: int = 1


def parse(text: str) -> CrashPoint:
    """Return the crash point of ``name`` or ``name:passages``; ValueError for any other text."""
    name, _, passages = text.partition(":")
    point = CrashPoint(name, int(passages or 1))
    if name not in NAMES or point.passages < 1:
        message = f"{text!r} is no crash point. There are: {', '.join(NAMES)}."
        raise ValueError(message)
    return point


ARMED = parse(text) if (text := os.environ.get("SONIQ_TEST_CRASHPOINT")) else None


def passed(name: str) -> None:
    """End the process without a word if this is the place that was armed."""
    if ARMED is None or ARMED.name != name:
        return
    ARMED.passages -= 1
    if not ARMED.passages:
        os.kill(os.getpid(), signal.SIGKILL)
