"""Write the outcomes of claims, each behind its fence, in one transaction."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from sqlite3 import Connection
from typing import assert_never

from soniq import crashpoints
from soniq.backends.contract import Revoked
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import text
from soniq.backends.sqlite.transactions import savepoint
from soniq.backends.times import later
from soniq.job import ClaimedJob
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
    Failure,
    Outcome,
    Release,
    Retry,
    Settlement,
    Snooze,
    storable,
)
from soniq.retry import LONGEST_DELAY

logger = logging.getLogger("soniq.sqlite")

Facts = dict[str, str | int | None]

# What a row is to blame for itself; a full disk or a lost file is not among it.
BAD_ROW = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    OverflowError,
)

VERBS: dict[type[Outcome], tuple[str, ...]] = {
    Complete: ("jobs/complete",),
    Retry: ("jobs/retry",),
    Snooze: ("jobs/snooze",),
    Release: ("jobs/release",),
    Crash: ("jobs/crash",),
    Cancel: ("jobs/cancel_claimed",),
    Bury: ("jobs/bury", "jobs/remove"),
}


class NotOwned(Exception):
    """Some claim of a batch is no longer in force."""


def settle(
    connection: Connection, settlements: Sequence[Settlement], *, worker: str, now: datetime
) -> set[str]:
    """Write what is still owned; return the ids of those jobs."""
    written: set[str] = set()
    for kind in dict.fromkeys(type(settlement.outcome) for settlement in settlements):
        group = [settlement for settlement in settlements if type(settlement.outcome) is kind]
        try:
            write(connection, group, worker=worker, now=now)
            written.update(settlement.job.id for settlement in group)
        except (NotOwned, *BAD_ROW):
            written.update(write_singly(connection, group, worker=worker, now=now))
    return written


def write(
    connection: Connection, group: Sequence[Settlement], *, worker: str, now: datetime
) -> None:
    """Write outcomes of one kind, all or none."""
    with savepoint(connection):
        for verb in VERBS[type(group[0].outcome)]:
            if change(connection, verb, group, worker=worker, now=now) != len(group):
                raise NotOwned
            if crashpoints.ARMED:
                crashpoints.passed(
                    "bury.between" if verb == "jobs/bury" else "settle.before_commit"
                )


def change(
    connection: Connection, verb: str, group: Sequence[Settlement], *, worker: str, now: datetime
) -> int:
    """Run the statement for outcomes of its kind; return how many rows it has changed."""
    shared: Facts = {"worker": worker, "now": text(now)}
    if verb == "jobs/complete":
        return connection.execute(sql(verb), shared | {"rows": completions(group)}).rowcount
    rows = [shared | facts(settlement, now) for settlement in group]
    return connection.executemany(sql(verb), rows).rowcount


def completions(group: Sequence[Settlement]) -> str:
    """Return the rows of ``jobs/complete``, which takes the whole batch as one parameter."""
    rows = [
        (one.job.id, one.job.fence, one.outcome.result, one.outcome.result_error)
        for one in group
        if isinstance(one.outcome, Complete)
    ]
    # As it is: text that can't be stored has to be refused here too, not hidden by escapes.
    return json.dumps(rows, ensure_ascii=False)


def write_singly(
    connection: Connection, group: Sequence[Settlement], *, worker: str, now: datetime
) -> set[str]:
    """Write outcomes one by one, so that a bad or lost one stands alone; return the ids."""
    written: set[str] = set()
    for settlement in group:
        try:
            write(connection, [settlement], worker=worker, now=now)
        except NotOwned:
            continue
        except BAD_ROW as error:
            if not isinstance(settlement.outcome, Complete):
                logger.exception("The outcome of job %s can't be stored", settlement.job.id)
                continue
            plain = Settlement(settlement.job, without_result(settlement.job.job_name, error))
            write(connection, [plain], worker=worker, now=now)
        written.add(settlement.job.id)
    return written


def without_result(job_name: str, error: Exception) -> Complete:
    """Return the success of a job whose result the database refuses."""
    logger.warning("The result of a job of %s can't be stored: %s", job_name, error)
    return Complete(None, storable(f"The result can't be stored: {error}"))


def revoked(connection: Connection, claims: Sequence[ClaimedJob], *, worker: str) -> list[Revoked]:
    """Return which claims an operator has cancelled, and which are no longer in force."""
    found: list[Revoked] = []
    for job in claims:
        claim = {"id": job.id, "fence": job.fence, "worker": worker}
        record = connection.execute(sql("jobs/held"), claim).fetchone()
        if record is None or record[0]:
            found.append(Revoked(job.id, job.fence, cancelled=record is not None))
    return found


def facts(settlement: Settlement, now: datetime) -> Facts:
    """Return the parameters of the statements that belong to one outcome."""
    job, outcome = settlement.job, settlement.outcome
    row: Facts = {"id": job.id, "fence": job.fence}
    match outcome:
        case Retry(delay, failure):
            return row | error(failure) | {"due": text(later(now, min(delay, LONGEST_DELAY)))}
        case Snooze(seconds):
            return row | {"due": text(later(now, min(seconds, LONGEST_DELAY)))}
        case Complete() | Release() | Cancel():
            return row
        case Crash(failure):
            return row | error(failure)
        case Bury(reason, failure):
            return row | error(failure) | {"reason": reason}
        case _:
            assert_never(outcome)


def error(failure: Failure) -> Facts:
    """Return the parameters that tell of a failure."""
    return {
        "last_error": storable(failure.summary),
        "last_traceback": failure.traceback and storable(failure.traceback),
    }
