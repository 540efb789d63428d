"""What workers have done, in words."""

from __future__ import annotations

from collections.abc import Mapping

# The counts of a WorkerReport, in the order in which they are told.
WORDS = {
    "complete": "done",
    "retry": "to retry",
    "bury": "to the dead letters",
    "snooze": "snoozed",
    "crash": "crashed",
    "release": "given back",
    "cancel": "cancelled",
    "lost": "lost",
    "abandoned": "left behind",
}


def told(counts: Mapping[str, int]) -> str:
    """Return the counts in one phrase; of what has not occurred, only that nothing is done."""
    return ", ".join(
        f"{counts.get(name, 0)} {word}"
        for name, word in WORDS.items()
        if counts.get(name) or name == "complete"
    )
