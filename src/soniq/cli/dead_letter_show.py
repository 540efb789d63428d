"""How dead letters and failures are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from soniq.cli import render

if TYPE_CHECKING:
    from soniq.failures import FailureGroup
    from soniq.history import PastAttempt
    from soniq.job import DeadLetter


def letter_table(letters: Sequence[DeadLetter]) -> render.Table:
    """Return one line per dead letter."""
    columns = ("id", "task", "reason", "tries", "replays", "ended", "error")
    rows = [
        (
            letter.id,
            letter.job_name,
            letter.reason,
            letter.attempts,
            letter.resurrection_count,
            moment(letter.finished_at),
            first_line(letter.last_error),
        )
        for letter in letters
    ]
    return render.Table(
        columns,
        rows,
        right=("tries", "replays"),
        folded=("task",),
        clipped=("error",),
        wide={"reason": 100, "tries": 140, "replays": 140, "error": 110},
    )


def group_table(groups: Sequence[FailureGroup]) -> render.Table:
    """Return one line per failure."""
    columns = ("failure", "count", "replayed", "task", "reason", "last", "error")
    rows = [
        (
            group.fingerprint,
            group.count,
            group.replayed,
            group.job_name,
            group.reason,
            moment(group.last_at),
            group.error,
        )
        for group in groups
    ]
    return render.Table(
        columns,
        rows,
        right=("count", "replayed"),
        folded=("task",),
        clipped=("error",),
        wide={"replayed": 120, "reason": 100},
    )


def attempt_table(attempts: Sequence[PastAttempt]) -> render.Table:
    """Return one line per attempt, the first one first; for a terminal."""
    columns = ("attempt", "ended as", "ended", "took", "worker", "error")
    rows = [
        (
            attempt.attempt,
            attempt.outcome,
            moment(attempt.finished_at),
            took((attempt.finished_at - attempt.started_at).total_seconds()),
            attempt.worker_id,
            first_line(attempt.error),
        )
        for attempt in attempts
    ]
    return render.Table(
        columns,
        rows,
        right=("attempt", "took"),
        clipped=("error",),
        wide={"worker": 130},
    )


def moment(when: datetime) -> object:
    """Return how long ago something was; in a pipe the time."""
    return render.age(when, datetime.now(UTC)) if render.on_terminal() else when


def took(seconds: float) -> str:
    """Return how long an attempt ran."""
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else render.duration(seconds)


def first_line(text: str | None) -> str | None:
    """Return the first line of an error."""
    return text.split("\n", 1)[0] if text else None


def sample_of(letters: Sequence[DeadLetter]) -> str:
    """Return some letters as lines of talk."""
    return "\n".join(
        f"  {letter.id}  {letter.job_name}  {first_line(letter.last_error) or letter.reason}"
        for letter in letters
    )


def places(queues: dict[str, int]) -> str:
    """Return how many there are in which queue, in words."""
    return ", ".join(f"{queue} {count:,}" for queue, count in queues.items())
