"""Keep what has become of attempts in the memory backend: their number, and the bad ends."""

from __future__ import annotations

from datetime import datetime

from soniq.backends.memory.tables import JobRow, Tables
from soniq.history import KEPT, NOBODY, Group, PastAttempt, Tally, minute_of
from soniq.outcome import Failure, storable


def note(
    tables: Tables, row: JobRow, name: str, now: datetime, failure: Failure | None = None
) -> None:
    """Note how the attempt of a PROCESSING row ends, before anything else is done to the row."""
    count(tables, row, name, now)
    if row.started_at is None:
        return
    attempts = tables.attempts.setdefault(row.id, {})
    attempts[row.fence] = PastAttempt(
        attempt=row.attempts,
        worker_id=row.worker_id or NOBODY,
        outcome=name,
        started_at=row.started_at,
        finished_at=now,
        error=storable(failure.summary) if failure else None,
        traceback=storable(failure.traceback) if failure and failure.traceback else None,
    )
    if row.fence > KEPT:
        for fence in [fence for fence in attempts if fence <= row.fence - KEPT]:
            del attempts[fence]


def find(tables: Tables, job_id: str) -> list[PastAttempt]:
    """Return the attempts of a job that are kept, oldest end first."""
    attempts = tables.attempts.get(job_id, {})
    order = sorted(attempts, key=lambda fence: (attempts[fence].finished_at, fence))
    return [attempts[fence] for fence in order]


def count(tables: Tables, row: JobRow, name: str, now: datetime) -> None:
    """Count an end; one that is no attempt's neither waited nor ran."""
    if not tables.counting:
        return
    started = row.started_at if row.worker_id else None
    group = Group(row.worker_id or NOBODY, row.queue, row.job_name, name)
    minute = tables.tallies.setdefault(minute_of(now), {})
    tally = minute.get(group)
    if tally is None:
        tally = minute[group] = Tally()
    tally.add(row.scheduled_at, started, now)


def forget(tables: Tables, job_id: str) -> None:
    """Drop the attempts of a job that is gone.

    Unless its dead letter is there, or another job with its id that was claimed again.
    """
    row = tables.jobs.get(job_id)
    if job_id not in tables.dead_letters and (row is None or row.fence <= 1):
        tables.attempts.pop(job_id, None)
