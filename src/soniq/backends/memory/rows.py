"""Rows become values here, with their JSON parsed anew: a reader never holds the row itself."""

from __future__ import annotations

import json
from datetime import datetime

from soniq.backends.memory.tables import AuditRow, DeadRow, JobRow, WorkerRow
from soniq.backends.operator_contract import Burial
from soniq.history import AuditEntry
from soniq.job import ClaimedJob, DeadLetter, Job, Worker, read_headers


def claimed(row: JobRow) -> ClaimedJob:
    """Return the job that a claim has taken."""
    return ClaimedJob(
        row.id,
        row.job_name,
        row.queue,
        row.args,
        row.attempts,
        row.max_attempts,
        row.fence,
        row.scheduled_at,
        row.created_at,
        row.crashes,
        row.headers,
    )


def job(row: JobRow) -> Job:
    """Return the job as it stands."""
    return Job(
        id=row.id,
        job_name=row.job_name,
        queue=row.queue,
        priority=row.priority,
        status=row.status,
        args=json.loads(row.args),
        attempts=row.attempts,
        max_attempts=row.max_attempts,
        scheduled_at=row.scheduled_at,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        worker_id=row.worker_id,
        result=None if row.result is None else json.loads(row.result),
        result_error=row.result_error,
        last_error=row.last_error,
        last_traceback=row.last_traceback,
        unique_key=row.unique_key,
        crashes=row.crashes,
        headers=read_headers(row.headers),
    )


def dead_letter(row: DeadRow) -> DeadLetter:
    """Return the dead letter as it stands."""
    return DeadLetter(
        id=row.job.id,
        job_name=row.job.job_name,
        queue=row.job.queue,
        priority=row.job.priority,
        args=json.loads(row.job.args),
        attempts=row.job.attempts,
        max_attempts=row.job.max_attempts,
        reason=row.reason,
        scheduled_at=row.job.scheduled_at,
        created_at=row.job.created_at,
        started_at=row.job.started_at,
        finished_at=row.finished_at,
        worker_id=row.job.worker_id,
        last_error=row.job.last_error,
        last_traceback=row.job.last_traceback,
        crashes=row.job.crashes,
        resurrection_count=row.resurrection_count,
        resurrected_at=row.resurrected_at,
        headers=read_headers(row.job.headers),
    )


def burial(row: DeadRow) -> Burial:
    """Return what a dead letter died of."""
    return Burial(
        id=row.job.id,
        job_name=row.job.job_name,
        queue=row.job.queue,
        reason=row.reason,
        error=row.job.last_error and row.job.last_error[:500],
        finished_at=row.finished_at,
        resurrection_count=row.resurrection_count,
    )


def worker(row: WorkerRow, now: datetime) -> Worker:
    """Return the worker as it last said of itself."""
    own = row.identity
    return Worker(
        id=own.id,
        hostname=own.hostname,
        pid=own.pid,
        queues=own.queues,
        concurrency=own.concurrency,
        tasks=own.tasks,
        started_at=row.started_at,
        renewed_at=row.renewed_at,
        expires_at=row.expires_at,
        alive=row.expires_at > now,
        version=own.version,
        wish=row.wish,
        **row.vitals._asdict(),
    )


def audit_entry(row: AuditRow) -> AuditEntry:
    """Return what somebody did."""
    entry = row.entry
    detail = json.loads(entry.detail)
    return AuditEntry(entry.id, row.at, entry.actor, entry.action, entry.target, detail)
