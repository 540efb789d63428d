"""Write the outcomes of claims, each behind its fence, in one transaction."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection
from typing import assert_never

from soniq import crashpoints
from soniq.backends.contract import Revoked
from soniq.backends.sqlite.history import Ends, Run
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import Record, text
from soniq.backends.sqlite.transactions import savepoint
from soniq.backends.times import later
from soniq.history import Group, failure_of, name_of
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

VERBS: dict[type[Outcome], str] = {
    Retry: "jobs/retry",
    Snooze: "jobs/snooze",
    Release: "jobs/release",
    Crash: "jobs/crash",
    Cancel: "jobs/cancel_claimed",
    Bury: "jobs/bury",
}


@dataclass(frozen=True, slots=True)
class Settling:
    """One settle call: the worker that makes it, its time, and the ends that it writes."""

    connection: Connection
    worker: str
    now: datetime
    ends: Ends

    def settle(self, settlements: Sequence[Settlement]) -> set[str]:
        """Write what is still owned; return the ids of those jobs."""
        written: set[str] = set()
        for kind in dict.fromkeys(type(settlement.outcome) for settlement in settlements):
            group = [settlement for settlement in settlements if type(settlement.outcome) is kind]
            try:
                written |= self.write(group)
            except BAD_ROW:
                written |= self.write_singly(group)
        self.ends.write(self.connection)
        return written

    def write(self, group: Sequence[Settlement]) -> set[str]:
        """Write outcomes of one kind where they are owned; none at all when it raises."""
        if isinstance(group[0].outcome, Complete):
            return self.complete(group)
        verb = VERBS[type(group[0].outcome)]
        with savepoint(self.connection):
            owned = [(one, found) for one in group if (found := self.change(verb, one))]
            passed("bury.between" if verb == "jobs/bury" else "settle.before_commit")
            if verb == "jobs/bury":
                gone = [{"id": settlement.job.id} for settlement, _ in owned]
                self.connection.executemany(sql("jobs/remove"), gone)
                passed("settle.before_commit")
        for settlement, (started_at, status) in owned:
            self.note(settlement, started_at, cancelled=status == "cancelled")
        return {settlement.job.id for settlement, _ in owned}

    def change(self, verb: str, settlement: Settlement) -> Record | None:
        """Run the statement for one outcome; return when its run began and how the job stands."""
        shared: Facts = {"worker": self.worker, "now": text(self.now)}
        parameters = shared | facts(settlement, self.now)
        [*found] = self.connection.execute(sql(verb), parameters)
        return found[0] if found else None

    def complete(self, group: Sequence[Settlement]) -> set[str]:
        """Write completions; those that are done already, by the very same claim, once more."""
        shared: Facts = {"worker": self.worker, "now": text(self.now)}
        with savepoint(self.connection):
            rows = {"rows": completions(group)}
            started: dict[str, str] = dict(
                self.connection.execute(sql("jobs/complete"), shared | rows).fetchall()
            )
            written = set(started)
            if len(written) < len(group):
                rest = [settlement for settlement in group if settlement.job.id not in written]
                rows = {"worker": self.worker, "rows": completions(rest)}
                written.update(
                    job_id
                    for (job_id,) in self.connection.execute(sql("jobs/complete_again"), rows)
                )
            passed("settle.before_commit")
        for job, _ in group:
            if job.id in started:
                done = Group(self.worker, job.queue, job.job_name, "complete")
                self.ends.count(done, job.scheduled_at, started[job.id])
        return written

    def note(self, settlement: Settlement, started_at: str, *, cancelled: bool) -> None:
        """Note how an attempt has ended that did not end well."""
        job, outcome = settlement
        name = name_of(outcome, cancelled=cancelled)
        if name is not None:
            group = Group(self.worker, job.queue, job.job_name, name)
            run = Run(job.id, job.fence, job.attempt, job.scheduled_at, started_at)
            self.ends.keep(run, group, failure_of(outcome))

    def write_singly(self, group: Sequence[Settlement]) -> set[str]:
        """Write outcomes one by one, so that a bad one stands alone; return the ids."""
        written: set[str] = set()
        for settlement in group:
            try:
                written |= self.write([settlement])
            except BAD_ROW as error:
                if not isinstance(settlement.outcome, Complete):
                    logger.exception("The outcome of job %s can't be stored", settlement.job.id)
                    continue
                plain = without_result(settlement.job.job_name, error)
                written |= self.write([Settlement(settlement.job, plain)])
        return written


def passed(point: str) -> None:
    """Let a test have this process killed here."""
    if crashpoints.ARMED:
        crashpoints.passed(point)


def completions(group: Sequence[Settlement]) -> str:
    """Return the rows of ``jobs/complete``, which takes the whole batch as one parameter."""
    rows = [
        (one.job.id, one.job.fence, one.outcome.result, one.outcome.result_error)
        for one in group
        if isinstance(one.outcome, Complete)
    ]
    # As it is: text that can't be stored has to be refused here too, not hidden by escapes.
    return json.dumps(rows, ensure_ascii=False)


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
