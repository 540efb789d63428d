"""Records become values here; none leaves the backend as it came."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import asyncpg

from soniq.backends.operator_contract import Burial
from soniq.history import AuditEntry, PastAttempt, Rollup
from soniq.job import ClaimedJob, DeadLetter, Job, JobStatus, Worker, read_headers
from soniq.schedule import Fired, Origin, Schedule, ScheduleStatus
from soniq.standing import Pause


def claimed(record: asyncpg.Record) -> ClaimedJob:
    """Return the job that a claim has taken."""
    return ClaimedJob(
        id=str(record["id"]),
        job_name=record["job_name"],
        queue=record["queue"],
        args=record["args"],
        attempt=record["attempts"],
        max_attempts=record["max_attempts"],
        fence=record["fence"],
        scheduled_at=record["scheduled_at"],
        created_at=record["created_at"],
        crashes=record["crashes"],
        headers=record["headers"],
    )


def job(record: asyncpg.Record) -> Job:
    """Return the job as it stands."""
    return Job(
        id=str(record["id"]),
        job_name=record["job_name"],
        queue=record["queue"],
        priority=record["priority"],
        status=JobStatus(record["status"]),
        args=json.loads(record["args"]),
        attempts=record["attempts"],
        max_attempts=record["max_attempts"],
        scheduled_at=record["scheduled_at"],
        created_at=record["created_at"],
        started_at=record["started_at"],
        finished_at=record["finished_at"],
        worker_id=text_or_none(record["worker_id"]),
        result=parsed(record["result"]),
        result_error=record["result_error"],
        last_error=record["last_error"],
        last_traceback=record["last_traceback"],
        unique_key=record["unique_key"],
        crashes=record["crashes"],
        headers=read_headers(record["headers"]),
    )


def dead_letter(record: asyncpg.Record) -> DeadLetter:
    """Return the dead letter as it stands."""
    return DeadLetter(
        id=str(record["id"]),
        job_name=record["job_name"],
        queue=record["queue"],
        priority=record["priority"],
        args=json.loads(record["args"]),
        attempts=record["attempts"],
        max_attempts=record["max_attempts"],
        reason=record["reason"],
        scheduled_at=record["scheduled_at"],
        created_at=record["created_at"],
        started_at=record["started_at"],
        finished_at=record["finished_at"],
        worker_id=text_or_none(record["worker_id"]),
        last_error=record["last_error"],
        last_traceback=record["last_traceback"],
        crashes=record["crashes"],
        resurrection_count=record["resurrection_count"],
        resurrected_at=record["resurrected_at"],
        headers=read_headers(record["headers"]),
    )


def burial(record: asyncpg.Record) -> Burial:
    """Return what a dead letter died of."""
    return Burial(
        id=str(record["id"]),
        job_name=record["job_name"],
        queue=record["queue"],
        reason=record["reason"],
        error=record["error"],
        finished_at=record["finished_at"],
        resurrection_count=record["resurrection_count"],
    )


def worker(record: asyncpg.Record) -> Worker:
    """Return the worker as it last said of itself."""
    return Worker(
        id=str(record["id"]),
        hostname=record["hostname"],
        pid=record["pid"],
        queues=None if record["queues"] is None else tuple(record["queues"]),
        concurrency=record["concurrency"],
        tasks=tuple(record["tasks"]),
        started_at=record["started_at"],
        renewed_at=record["renewed_at"],
        expires_at=record["expires_at"],
        alive=record["alive"],
        version=record["version"],
        wish=record["wish"],
        running=record["running"],
        memory_bytes=record["memory_bytes"],
        loop_lag=record["loop_lag"],
    )


def schedule(record: asyncpg.Record) -> Schedule:
    """Return the schedule as it stands."""
    return Schedule(
        name=record["name"],
        status=ScheduleStatus(record["status"]),
        origin=Origin(record["origin"]),
        cron=record["cron"],
        every=record["every"],
        timezone=record["timezone"],
        missed=record["missed"],
        args=json.loads(record["args"]),
        queue=record["queue"],
        priority=record["priority"],
        max_attempts=record["max_attempts"],
        unique_key=record["unique_key"],
        anchor_at=record["anchor_at"],
        next_at=record["next_at"],
        last_at=record["last_at"],
        last_job_id=text_or_none(record["last_job_id"]),
        missed_count=record["missed_count"],
        missed_at=record["missed_at"],
        paused_at=record["paused_at"],
        orphaned_at=record["orphaned_at"],
        created_at=record["created_at"],
        updated_at=record["updated_at"],
        revision=record["revision"],
    )


def fired(record: asyncpg.Record) -> Fired:
    """Return the tick that was fired."""
    job_id = text_or_none(record["job_id"])
    return Fired(record["name"], record["queue"], record["tick_at"], job_id)


def past_attempt(record: asyncpg.Record) -> PastAttempt:
    """Return the attempt that did not end well."""
    return PastAttempt(
        attempt=record["attempt"],
        worker_id=str(record["worker_id"]),
        outcome=record["outcome"],
        started_at=record["started_at"],
        finished_at=record["finished_at"],
        error=record["error"],
        traceback=record["traceback"],
    )


def rollup(record: asyncpg.Record) -> Rollup:
    """Return the attempts of one minute with the same outcome."""
    return Rollup(
        minute=record["minute"],
        queue=record["queue"],
        job_name=record["job_name"],
        outcome=record["outcome"],
        count=record["count"],
        wait_seconds=record["wait_seconds"],
        run_seconds=record["run_seconds"],
        waits=tuple(record["waits"]),
        runs=tuple(record["runs"]),
    )


def audit_entry(record: asyncpg.Record) -> AuditEntry:
    """Return what somebody did."""
    return AuditEntry(
        id=str(record["id"]),
        at=record["at"],
        actor=record["actor"],
        action=record["action"],
        target=record["target"],
        detail=json.loads(record["detail"]),
    )


def pause(record: asyncpg.Record) -> Pause:
    """Return the pause of a queue."""
    return Pause(record["queue"], record["paused_at"], record["paused_by"], record["reason"])


def parsed(text: str | None) -> Any:
    """Return the JSON value of a column that may be NULL."""
    return None if text is None else json.loads(text)


def text_or_none(value: UUID | None) -> str | None:
    """Return an id as text."""
    return None if value is None else str(value)


def within_calendar(seconds: float) -> float:
    """Return the seconds, at most three centuries of them: the database's calendar has an end."""
    return min(seconds, 1e10)


def lock_key(worker_id: str) -> int:
    """Return the advisory lock of a worker: the first 64 bits of its random id, with a sign."""
    return int.from_bytes(UUID(worker_id).bytes[:8], signed=True)


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that a text is, or None: then no row can have it."""
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
