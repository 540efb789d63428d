"""What is wrong now, in sentences: the first thing that the overview says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soniq.dashboard.views.queues import QueueRow
from soniq.dashboard.views.times import span
from soniq.dashboard.views.words import some
from soniq.job import Worker


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look at. ``look``: ``bad`` or ``warn``; ``page``: the route that says more."""

    look: str
    text: str
    page: str


# What the doctor says of these is said here already, and as of now.
SAID = frozenset({"no-worker", "unserved-queue"})


def alarms(rows: Sequence[QueueRow], workers: Sequence[Worker]) -> list[Alarm]:
    """Return what is wrong with queues and workers, the worst first."""
    found = [Alarm("bad", unserved(row), "queues") for row in rows if row.unserved]
    if found and not any(worker.alive for worker in workers):
        due = sum(row.standing.due for row in rows if row.unserved)
        text = f"No worker is running, and {some(due, 'job is', 'jobs are')} due."
        found = [Alarm("bad", text, "workers")]
    found += [Alarm("warn", paused(row), "queues") for row in rows if row.standing.pause]
    lost = [worker for worker in workers if not worker.alive]
    if lost:
        text = f"{some(len(lost), 'worker')} stopped answering; jobs of theirs will be taken back."
        found.append(Alarm("warn", text, "workers"))
    return found


def unserved(row: QueueRow) -> str:
    """Return the sentence about a queue that no worker serves."""
    jobs = some(row.standing.due, "job is", "jobs are")
    return f"No worker serves the queue {row.name}: {jobs} due, for {span(row.oldest)}."


def paused(row: QueueRow) -> str:
    """Return the sentence about a queue that is paused."""
    pause = row.standing.pause
    by = f" by {pause.paused_by}" if pause else ""
    reason = f" ({pause.reason})" if pause and pause.reason else ""
    return f"The queue {row.name} is paused{by}{reason}: {some(row.standing.due, 'job')} due."
