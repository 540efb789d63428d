"""Apply the outcomes of claims to rows, each behind its fence."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NoReturn, assert_never

from soniq.backends.memory import history
from soniq.backends.memory.tables import JobRow, Tables
from soniq.backends.times import later
from soniq.history import failure_of, name_of
from soniq.job import ClaimedJob, JobStatus
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
    Failure,
    Outcome,
    Reason,
    Release,
    Retry,
    Snooze,
    storable,
)
from soniq.retry import LONGEST_DELAY


def owned(tables: Tables, job: ClaimedJob, worker: str, *, or_done: bool = False) -> JobRow | None:
    """Return the row if the claim is still in force; with ``or_done`` also if it ended so."""
    row = tables.jobs.get(job.id)
    if row is None or row.fence != job.fence or row.worker_id != worker:
        return None
    in_force = row.status is JobStatus.PROCESSING or (or_done and row.status is JobStatus.DONE)
    return row if in_force else None


def apply(tables: Tables, row: JobRow, outcome: Outcome, now: datetime) -> None:
    """Turn the row into what the outcome says."""
    if isinstance(outcome, Complete):
        row.result, row.result_error = kept(outcome.result, outcome.result_error)
        if row.status is JobStatus.PROCESSING:
            history.count(tables, row, "complete", now)
            tables.end(row, JobStatus.DONE, now)
        return
    keep(tables, row, outcome, now)
    match outcome:
        case Retry(delay, failure):
            note(row, failure)
            row.scheduled_at = later(now, min(delay, LONGEST_DELAY))
            tables.put_back(row, now)
        case Snooze(seconds):
            row.attempts -= 1
            row.scheduled_at = later(now, min(seconds, LONGEST_DELAY))
            tables.put_back(row, now)
        case Release():
            row.attempts -= 1
            tables.put_back(row, now)
        case Crash(failure):
            note(row, failure)
            row.crashes += 1
            row.attempts = min(row.attempts, row.max_attempts - 1)
            tables.put_back(row, now)
        case Cancel():
            tables.end(row, JobStatus.CANCELLED, now)
        case Bury(reason, failure):
            row.crashes += reason is Reason.WORKER_CRASHED
            tables.bury(row, reason, now, failure)
        case _:
            assert_never(outcome)


def keep(tables: Tables, row: JobRow, outcome: Outcome, now: datetime) -> None:
    """Keep how an attempt ends that does not end well."""
    goes_back = isinstance(outcome, Retry | Snooze | Release | Crash)
    name = name_of(outcome, cancelled=goes_back and row.cancel_requested)
    if name is not None:
        history.note(tables, row, name, now, failure_of(outcome))


def note(row: JobRow, failure: Failure) -> None:
    """Write the failure into the row, in place of an earlier one."""
    row.last_error = storable(failure.summary)
    row.last_traceback = failure.traceback and storable(failure.traceback)


def kept(result: str | None, problem: str | None) -> tuple[str | None, str | None]:
    """Return result and problem as a database would keep them: broken JSON is left out."""
    if result is None:
        return None, problem
    try:
        check_json(result)
    except ValueError as error:
        return None, storable(f"The result can't be stored: {error}")
    return result, problem


def refuse(constant: str) -> NoReturn:
    """Raise ValueError for what Python takes for a number and JSON does not."""
    message = f"{constant} is no JSON"
    raise ValueError(message)


STRICT = json.JSONDecoder(parse_constant=refuse)


def check_json(text: str) -> None:
    """Raise ValueError for text that no database would take as JSON."""
    text.encode()  # lone surrogates
    try:
        STRICT.decode(text)
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error
