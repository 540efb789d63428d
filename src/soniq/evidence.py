"""Gather what ``why`` decides from: of each job no more than bears on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from soniq import figures, history
from soniq.backends.contract import Backend
from soniq.errors import JobNotFound
from soniq.job import Job, JobStatus
from soniq.why import Evidence

WINDOW = timedelta(minutes=5)
# A job that is claimed while we look is looked at again; one that always is has to run some day.
LOOKS = 3


async def gather(backend: Backend, job_id: str) -> Evidence:
    """Return what is known of a job or dead letter, by the clock of the database.

    Raises:
        JobNotFound: there is neither.
    """
    evidence = await look(backend, job_id)
    for _ in range(LOOKS - 1):
        if evidence.ahead is not None or not is_due(evidence):
            break
        evidence = await look(backend, job_id)
    return evidence


async def look(backend: Backend, job_id: str) -> Evidence:
    """Return what is known of a job at this moment."""
    job = await backend.jobs.get(job_id) or await backend.dead_letters.get(job_id)
    if job is None:
        message = f"No job {job_id}: wrong id, deleted, or pruned after its result_ttl."
        raise JobNotFound(message)
    evidence = Evidence(await backend.schedules.now(), job)
    if not isinstance(job, Job) or job.finished_at is not None:
        return evidence
    if job.status is JobStatus.PROCESSING:
        return replace(evidence, workers=await backend.workers.find())
    if is_due(evidence):
        return await look_around(backend, evidence)
    return replace(evidence, attempts=await backend.jobs.attempts(job_id))


async def look_around(backend: Backend, evidence: Evidence) -> Evidence:
    """Add what a job that is due may wait for."""
    job, now = evidence.job, evidence.now
    since = history.beginning(now - WINDOW, figures.MINUTE.total_seconds())
    rollups = await backend.stats.rollups(since=since, until=now + figures.MINUTE, queue=job.queue)
    pauses = await backend.queues.paused()
    return replace(
        evidence,
        pause=next((one for one in pauses if one.queue == job.queue), None),
        workers=await backend.workers.find(),
        ahead=await backend.jobs.ahead(job.id),
        ended=sum(one.count for one in rollups),
        seconds=(now - since).total_seconds(),
    )


def is_due(evidence: Evidence) -> bool:
    """Tell whether it waits and may start."""
    job = evidence.job
    queued = isinstance(job, Job) and job.status is JobStatus.QUEUED
    return queued and job.scheduled_at <= evidence.now
