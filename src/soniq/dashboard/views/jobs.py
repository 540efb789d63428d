"""A job as a row of a list: its state in a word, how long it has waited and run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from soniq.job import Job, JobStatus


@dataclass(frozen=True, slots=True)
class State:
    """What a job does, in a word, and how that looks: ``good``, ``bad``, ``busy``, ``calm``."""

    word: str
    look: str


def state_of(job: Job, now: datetime) -> State:
    """Return the state of a job, finer than its status: due, scheduled, waiting for a retry."""
    match job.status:
        case JobStatus.PROCESSING:
            return State("running", "busy")
        case JobStatus.DONE:
            return State("done", "good")
        case JobStatus.CANCELLED:
            return State("cancelled", "calm")
        case JobStatus.QUEUED:
            if job.scheduled_at <= now:
                return State("due", "wait")
            return State("retry waits", "warn") if job.last_error else State("scheduled", "calm")


def waited(job: Job, now: datetime) -> float | None:
    """Return for how many seconds a job was due before it ran, or has been due; None if it is not.

    A job that goes back after an error is due anew, so this is about its latest attempt.
    """
    until = job.started_at
    if job.status is JobStatus.QUEUED:
        until = now
    if until is None or (job.status is JobStatus.QUEUED and job.scheduled_at > now):
        return None
    return max((until - job.scheduled_at).total_seconds(), 0.0)


def ran(job: Job, now: datetime) -> float | None:
    """Return for how many seconds the latest attempt ran, or has been running."""
    if job.started_at is None or job.status is JobStatus.QUEUED:
        return None
    return max(((job.finished_at or now) - job.started_at).total_seconds(), 0.0)


def can_cancel(job: Job) -> bool:
    """Tell whether it makes sense to offer that a job be cancelled."""
    return job.status in (JobStatus.QUEUED, JobStatus.PROCESSING)


def can_retry(job: Job, now: datetime) -> bool:
    """Tell whether a job can be made to run (again) now."""
    if job.status is JobStatus.QUEUED:
        return job.scheduled_at > now
    return job.status is not JobStatus.PROCESSING
