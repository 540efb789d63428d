"""How queues stand in the memory backend: every job is looked at."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from soniq.backends.memory.tables import Tables
from soniq.job import JobStatus
from soniq.standing import QueueStanding


def standings(tables: Tables, now: datetime) -> list[QueueStanding]:
    """Return how every queue stands; the caller holds the lock."""
    due: dict[str, list[datetime]] = {}
    later: dict[str, list[datetime]] = {}
    for row in tables.jobs.values():
        if row.status is JobStatus.QUEUED:
            kind = due if row.scheduled_at <= now else later
            kind.setdefault(row.queue, []).append(row.scheduled_at)
    processing = Counter(tables.jobs[job_id].queue for job_id in tables.processing)
    dead = Counter(row.job.queue for row in tables.dead_letters.values())
    serving = [
        row.identity.queues
        for row in tables.workers.values()
        if row.expires_at > now and row.wish is None
    ]
    return [
        QueueStanding(
            queue=queue,
            due=len(due.get(queue, ())),
            later=len(later.get(queue, ())),
            processing=processing[queue],
            dead_letter=dead[queue],
            exact=True,
            oldest_due_at=min(due.get(queue, ()), default=None),
            next_due_at=min(later.get(queue, ()), default=None),
            served_by=sum(named is None or queue in named for named in serving),
            pause=tables.paused.get(queue),
        )
        for queue in sorted({*due, *later, *processing, *dead, *tables.paused})
    ]
