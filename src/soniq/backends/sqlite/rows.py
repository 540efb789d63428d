"""Records of SQLite to values and back; a row leaves the backend as nothing else."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from soniq.backends.operator_contract import Burial
from soniq.history import AuditEntry, PastAttempt, Rollup
from soniq.job import ClaimedJob, DeadLetter, Job, JobStatus, Worker, read_headers
from soniq.schedule import Fired, Origin, Schedule, ScheduleStatus
from soniq.standing import Pause

# SQLite hands over a record as a tuple of whatever the columns hold.
Record = tuple[Any, ...]

# The columns of the statements that read whole rows come in the order of the fields.
JOB = tuple(field.name for field in fields(Job))
DEAD_LETTER = tuple(field.name for field in fields(DeadLetter))
BURIAL = tuple(field.name for field in fields(Burial))
WORKER = tuple(field.name for field in fields(Worker))
PAST_ATTEMPT = tuple(field.name for field in fields(PastAttempt))
ROLLUP = tuple(field.name for field in fields(Rollup))
PAUSE = tuple(field.name for field in fields(Pause))
SCHEDULE = tuple(field.name for field in fields(Schedule))


def text(moment: datetime) -> str:
    """Return an aware time as UTC text of fixed width, which sorts as the times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def moment(text: str) -> datetime:
    """Return the time that ``text`` wrote."""
    return datetime.fromisoformat(text)


def moment_or_none(text: str | None) -> datetime | None:
    """Return the time, or None where none was written."""
    return None if text is None else datetime.fromisoformat(text)


def json_list(names: Collection[str]) -> str:
    """Return names as JSON, the one form in which a statement takes a list."""
    return json.dumps(list(names))


def claimed(record: Record) -> ClaimedJob:
    """Return the job of ``jobs/claimable``."""
    _, due, job_id, _, name, queue, args, attempt, most, fence, born, crashes, headers = record
    # Most jobs are due when they are made: one look at the clock, one time to read.
    scheduled_at = moment(due)
    created_at = scheduled_at if born == due else moment(born)
    return ClaimedJob(
        job_id, name, queue, args, attempt, most, fence, scheduled_at, created_at, crashes, headers
    )


def job(record: Record) -> Job:
    """Return the job of ``jobs/get`` and ``jobs/find``."""
    facts = named(JOB, record)
    facts["status"] = JobStatus(facts["status"])
    facts["args"] = json.loads(facts["args"])
    facts["result"] = None if facts["result"] is None else json.loads(facts["result"])
    facts["headers"] = read_headers(facts["headers"])
    return Job(**facts)


def dead_letter(record: Record) -> DeadLetter:
    """Return the dead letter of ``dead_letters/get`` and ``dead_letters/find``."""
    facts = named(DEAD_LETTER, record)
    facts["args"] = json.loads(facts["args"])
    facts["headers"] = read_headers(facts["headers"])
    return DeadLetter(**facts)


def burial(record: Record) -> Burial:
    """Return the burial of ``dead_letters/burials``."""
    return Burial(**named(BURIAL, record))


def past_attempt(record: Record) -> PastAttempt:
    """Return the attempt of ``jobs/attempts``."""
    return PastAttempt(**named(PAST_ATTEMPT, record))


def rollup(record: Record) -> Rollup:
    """Return the rollup of ``stats/rollups``."""
    facts = dict(zip(ROLLUP, record, strict=True))
    facts["minute"] = moment(facts["minute"])
    facts["waits"], facts["runs"] = (tuple(json.loads(facts[name])) for name in ("waits", "runs"))
    return Rollup(**facts)


def worker(record: Record) -> Worker:
    """Return the worker of ``workers/find``."""
    facts = named(WORKER, record)
    queues = facts["queues"]
    facts["queues"] = None if queues is None else tuple(json.loads(queues))
    facts["tasks"] = tuple(json.loads(facts["tasks"]))
    facts["alive"] = bool(facts["alive"])
    return Worker(**facts)


def pause(record: Record) -> Pause:
    """Return the pause of ``queues/paused``."""
    return Pause(**named(PAUSE, record))


def schedule(record: Record) -> Schedule:
    """Return the schedule of ``schedules/get``, ``schedules/find`` and ``schedules/agenda``."""
    facts = named(SCHEDULE, record)
    facts["status"] = ScheduleStatus(facts["status"])
    facts["origin"] = Origin(facts["origin"])
    facts["args"] = json.loads(facts["args"])
    return Schedule(**facts)


def fired(record: Record) -> Fired:
    """Return the tick of ``schedules/ticks``."""
    name, queue, tick_at, job_id = record
    return Fired(name, queue, moment(tick_at), job_id)


def audit_entry(record: Record) -> AuditEntry:
    """Return the entry of ``audit/find``."""
    entry_id, at, actor, action, target, detail = record
    return AuditEntry(entry_id, moment(at), actor, action, target, json.loads(detail))


def named(columns: Sequence[str], record: Record) -> dict[str, Any]:
    """Return the columns by name, those that hold times (``…_at``) as times."""
    return {
        name: moment_or_none(value) if name.endswith("_at") else value
        for name, value in zip(columns, record, strict=True)
    }
