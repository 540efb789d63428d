"""A job's life as rows of a timeline: each attempt, what it waited for, how long it ran. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from soniq.history import PastAttempt
from soniq.job import DeadLetter, Job, JobStatus

# In per cent of the timeline: thinner than this, nobody sees it.
THINNEST = 0.6


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the timeline, in per cent of it."""

    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt. ``outcome`` is as in the history, or ``running`` or ``queued``.

    ``waited`` seconds since the attempt before ended, or since the job was created: for its time,
    for a worker, or for both. ``ran`` seconds; None for an attempt that has not begun.
    """

    attempt: int
    outcome: str
    since: datetime
    started_at: datetime | None
    finished_at: datetime | None
    worker_id: str | None
    error: str | None
    traceback: str | None
    waited: float
    ran: float | None
    waiting: Bar
    running: Bar | None


@dataclass(frozen=True, slots=True)
class Run:
    """When an attempt began and ended; either may be None."""

    attempt: int
    outcome: str
    started_at: datetime | None
    finished_at: datetime | None
    worker_id: str | None = None
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """What all bars of a timeline share: from when to when."""

    begin: datetime
    end: datetime

    def bar(self, start: datetime, end: datetime) -> Bar:
        """Return a stretch of it, thick enough to be seen."""
        length = max((self.end - self.begin).total_seconds(), 1e-6)
        offset = 100 * (start - self.begin).total_seconds() / length
        width = max(100 * (end - start).total_seconds() / length, THINNEST)
        return Bar(round(min(offset, 100 - THINNEST), 3), round(min(width, 100), 3))


def timeline(job: Job | DeadLetter, past: Sequence[PastAttempt], now: datetime) -> list[Step]:
    """Return the attempts of a job in order, the one that runs or is to come last."""
    runs = [*known(past), *present(job)]
    if not runs:
        return []
    begin = min([job.created_at, *(run.started_at for run in runs if run.started_at)])
    ends = [run.finished_at or latest(run, job, now) for run in runs]
    axis = Axis(begin, max(ends))
    since = [begin, *ends]
    return [step(axis, *one) for one in zip(runs, since, ends, strict=False)]


def known(past: Sequence[PastAttempt]) -> Iterator[Run]:
    """Yield the attempts that the history has kept, in order."""
    for one in sorted(past, key=lambda one: (one.started_at, one.attempt)):
        yield Run(
            one.attempt,
            one.outcome,
            one.started_at,
            one.finished_at,
            one.worker_id,
            one.error,
            one.traceback,
        )


def present(job: Job | DeadLetter) -> Iterator[Run]:
    """Yield the attempt that only the job's row knows: one that went well, runs, or is to come."""
    if isinstance(job, DeadLetter):
        return
    if job.status is JobStatus.DONE:
        yield Run(job.attempts, "complete", job.started_at, job.finished_at, job.worker_id)
    elif job.status is JobStatus.PROCESSING:
        yield Run(job.attempts, "running", job.started_at, None, job.worker_id)
    elif job.status is JobStatus.QUEUED:
        yield Run(job.attempts + 1, "queued", None, None)


def latest(run: Run, job: Job | DeadLetter, now: datetime) -> datetime:
    """Return how far an attempt that has not ended reaches: to now, or to when it is due."""
    return now if run.started_at else max(now, job.scheduled_at)


def step(axis: Axis, run: Run, since: datetime, ends: datetime) -> Step:
    """Return an attempt with its place on the axis; ``since``: when the one before it ended."""
    starts = max(run.started_at or ends, since)
    ran = None if run.started_at is None else max((ends - starts).total_seconds(), 0.0)
    return Step(
        attempt=run.attempt,
        outcome=run.outcome,
        since=since,
        started_at=run.started_at,
        finished_at=run.finished_at,
        worker_id=run.worker_id,
        error=run.error,
        traceback=run.traceback,
        waited=(starts - since).total_seconds(),
        ran=ran,
        waiting=axis.bar(since, starts),
        running=None if ran is None else axis.bar(starts, ends),
    )
