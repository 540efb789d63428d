"""The tables of ``soniq top``, and how many rows of each fit on a screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from soniq.cli import render, status, workers
from soniq.cli.top.look import Look, QueueLine
from soniq.job import Job


def tables(look: Look) -> list[render.Table]:
    """Return the queues with the busiest first, the workers, and the running jobs."""
    return [
        queue_table(sorted(look.queues, key=busyness), look.now),
        replace(workers.worker_table(look.workers, look.now), key="worker"),
        job_table(look.running, look.now),
    ]


def busyness(line: QueueLine) -> tuple[int, str]:
    """Return what sorts queues: those with most to do first."""
    return -line.standing.due - line.standing.processing, line.standing.queue


def queue_table(lines: Sequence[QueueLine], now: datetime) -> render.Table:
    """Return one line per queue."""
    columns = (
        "queue", "due", "later", "running", "oldest", "in/s", "out/s", "wait p95", "workers",
        "paused",
    )  # fmt: skip
    rows = [
        (
            one.queue,
            status.number(one.due, exact=one.exact),
            status.number(one.later, exact=one.exact),
            one.processing,
            status.since(one.oldest_due_at, now),
            line.pace.in_rate,
            line.pace.out_rate,
            seconds(line.pace.wait_p95),
            one.served_by,
            status.describe_pause(one.pause, now),
        )
        for line in lines
        for one in (line.standing,)
    ]
    return render.Table(
        columns, rows, key="queue", right=columns[1:-1], clipped=("paused", "queue"),
        wide={"later": 70, "workers": 100},
    )  # fmt: skip


def job_table(jobs: Sequence[Job], now: datetime) -> render.Table:
    """Return one line per running job."""
    columns = ("job", "task", "queue", "attempt", "runs", "worker")
    rows = [
        (
            job.id,
            job.job_name,
            job.queue,
            f"{job.attempts}/{job.max_attempts}",
            status.since(job.started_at, now),
            (job.worker_id or "")[: workers.SHORT],
        )
        for job in jobs
    ]
    return render.Table(
        columns, rows, key="job", right=("attempt", "runs"), clipped=("task", "queue"),
        wide={"worker": 90},
    )  # fmt: skip


def seconds(number: float | None) -> object:
    """Return a duration for people, to the millisecond where it is short."""
    if number is None or not render.on_terminal():
        return number
    if number < 1:
        return f"{number * 1000:.0f}ms"
    return f"{number:.1f}s" if number < 60 else render.duration(number)  # noqa: PLR2004 - a minute


def heights(wanted: Sequence[int], room: int) -> list[int]:
    """Return how many rows each table gets: as many as it wants where they fit, else a fair part.

    What one does not need the later ones get first, then the earlier ones.
    """
    given = [min(number, room // len(wanted)) for number in wanted]
    for place in reversed(range(len(wanted))):
        given[place] += min(wanted[place] - given[place], max(0, room - sum(given)))
    return given


def cut(shown: render.Table, rows: int) -> render.Table:
    """Return a table with its first rows; the heading says how many there are."""
    if len(shown.rows) <= rows:
        return shown
    first = f"{shown.columns[0]} ({rows} of {len(shown.rows):,})"
    return replace(
        shown,
        columns=(first, *shown.columns[1:]),
        rows=shown.rows[:rows],
        clipped=[first if name == shown.columns[0] else name for name in shown.clipped],
    )
