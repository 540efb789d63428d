"""Keep what has become of attempts in the memory backend: their number, and the bad ends."""

from __future__ import annotations

from datetime import datetime

from soniq.backends.memory.tables import JobRow, Tables
from soniq.history import KEPT, NOBODY, Group, PastAttempt, Tally, minute_of
from soniq.outcome import Failure, storable

COMPLETE = "complete"


def note(
    tables: Tables, row: JobRow, name: str, now: datetime, failure: Failure | None = None
) -> None:
    """Note how the attempt of a PROCESSING row ends, before anything else is done to the row."""
    count(tables, row, name, now)
    if name == COMPLETE or row.started_at is None:
        return
    attempts = tables.attempts.setdefault(row.id, [])
    attempts.append(
        PastAttempt(
            attempt=row.attempts,
            worker_id=row.worker_id or NOBODY,
            outcome=name,
            started_at=row.started_at,
            finished_at=now,
            error=storable(failure.summary) if failure else None,
            traceback=storable(failure.traceback) if failure and failure.traceback else None,
        )
    )
    del attempts[:-KEPT]


def count(tables: Tables, row: JobRow, name: str, now: datetime) -> None:
    """Count an end; one that is no attempt's neither waited nor ran."""
    if not tables.counting:
        return
    started = row.started_at if row.worker_id else None
    group = Group(row.worker_id or NOBODY, row.queue, row.job_name, name)
    minute = tables.tallies.setdefault(minute_of(now), {})
    minute.setdefault(group, Tally()).add(row.scheduled_at, started, now)


def forget(tables: Tables, job_id: str) -> None:
    """Drop the attempts of a job that is gone, unless its dead letter or another job has its id."""
    if job_id not in tables.jobs and job_id not in tables.dead_letters:
        tables.attempts.pop(job_id, None)
