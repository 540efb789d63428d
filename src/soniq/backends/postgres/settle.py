"""Write what became of claims: one statement for each kind of outcome, each row fenced."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from soniq import crashpoints
from soniq.backends.postgres.pool import Database
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
    Outcome,
    Release,
    Retry,
    Settlement,
    Snooze,
    storable,
)
from soniq.retry import LONGEST_DELAY

logger = logging.getLogger("soniq.postgres")

# One job's columns as its statement takes them; always (id, fence, …).
Row = tuple[object, ...]

# The fence of a job's first claim.
FIRST = 1
FEW = 10

# Another job has, or is about to have, the key: it is given up at the next try.
KEY_TAKEN = (
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
)
# The database can't hold a value: NUL, broken JSON, JSON nested too deep, …
UNSTORABLE = (asyncpg.DataError, asyncpg.ProgramLimitExceededError)


@dataclass(frozen=True, slots=True)
class Settling:
    """One settle call: the worker that makes it, and a test's time or None."""

    db: Database
    worker: str
    now: datetime | None

    async def settle(self, settlements: Sequence[Settlement]) -> set[str]:
        """Write all; return the ids of the jobs that the worker still owned."""
        plain, others = apart(settlements)
        owned: set[str] = set()
        if plain and await self.complete_plain(plain) == len(plain):
            owned.update(plain)
        else:  # not all were owned: said again, it tells which
            others += [("complete", (job_id, FIRST, None, None)) for job_id in plain]
        batches: defaultdict[str, list[Row]] = defaultdict(list)
        for verb, row in others:
            batches[verb].append(row)
        for verb, rows in batches.items():
            owned |= await self.write_together(verb, rows)
        again = [row for row in batches["complete"] if row[0] not in owned]
        if again:  # done already, by this very claim?
            owned |= await self.write_together("complete_again", again)
        return owned

    async def complete_plain(self, ids: list[str]) -> int:
        """Complete first claims with nothing to keep; return how many were owned."""
        if crashpoints.ARMED:
            crashpoints.passed("settle.before_commit")
        args = self.now, self.worker, ids, FIRST, self.db.rollups
        try:
            [record] = await self.db.fetch("jobs/complete_plain", *args)
        except (*KEY_TAKEN, *UNSTORABLE):
            return 0
        return int(record["number"])

    async def write_together(self, verb: str, rows: list[Row]) -> set[str]:
        """Write rows of one kind in one statement, or one by one where a bad one is among them."""
        try:
            return await self.write(verb, rows)
        except (*KEY_TAKEN, *UNSTORABLE):
            owned: set[str] = set()
            for row in rows:
                owned |= await self.write_alone(verb, row)
            return owned

    async def write_alone(self, verb: str, row: Row) -> set[str]:
        """Write one row, without its key or its result if it can't be had with them."""
        keep_key = True
        for _ in range(3):
            try:
                return await self.write(verb, [row], keep_key=keep_key)
            except KEY_TAKEN:
                keep_key = False
            except UNSTORABLE as error:
                # The first line only: the others may hold the value itself, however long.
                why = str(error).partition("\n")[0]
                logger.warning("Job %s: a value can't be stored (%s).", row[0], why)
                row = harmless(verb, row, why)
        logger.error("Job %s: its outcome (%s) can't be stored at all.", row[0], verb)
        return set()

    async def write(self, verb: str, rows: list[Row], *, keep_key: bool = True) -> set[str]:
        """Run the statement for these rows; return the ids that it matched."""
        columns = [list(column) for column in zip(*rows, strict=True)]
        head, tail = self.around(verb, keep_key=keep_key)
        if crashpoints.ARMED:
            crashpoints.passed("bury.between" if verb == "bury" else "settle.before_commit")
        records = await self.db.fetch(f"jobs/{verb}", *head, *columns, *tail)
        return {str(job_id) for record in records for job_id in record["ids"]}

    def around(self, verb: str, *, keep_key: bool) -> tuple[Row, Row]:
        """Return the parameters that come before the columns, and those that come after them."""
        match verb:
            case "complete_again":
                return (self.worker,), ()
            case "retry" | "snooze" | "release" | "crash":
                return (self.now, self.worker, keep_key), (self.db.rollups,)
            case _:
                return (self.now, self.worker), (self.db.rollups,)


def apart(settlements: Sequence[Settlement]) -> tuple[list[str], list[tuple[str, Row]]]:
    """Return the ids of first claims that completed with nothing to keep, and all others' rows.

    A few of them are no reason for a statement of their own.
    """
    plain = [one.job.id for one in settlements if one.job.fence == FIRST and is_plain(one.outcome)]
    if len(plain) < FEW:
        return [], [row_of(settlement) for settlement in settlements]
    if len(plain) == len(settlements):
        return plain, []
    known = set(plain)
    return plain, [row_of(one) for one in settlements if one.job.id not in known]


def is_plain(outcome: Outcome) -> bool:
    """Tell whether a completion leaves neither a result nor a word about it."""
    return type(outcome) is Complete and outcome.result is None and outcome.result_error is None


def row_of(  # noqa: PLR0911 - one return for each outcome
    settlement: Settlement,
) -> tuple[str, Row]:
    """Return the verb for an outcome and its columns."""
    job = settlement.job
    claim = job.id, job.fence
    match settlement.outcome:
        case Complete(result, result_error):
            return "complete", (*claim, result, result_error)
        case Retry(delay, failure):
            delay = min(delay, LONGEST_DELAY)
            return "retry", (*claim, delay, failure.summary, failure.traceback, job.scheduled_at)
        case Snooze(seconds):
            return "snooze", (*claim, min(seconds, LONGEST_DELAY), job.scheduled_at)
        case Release():
            return "release", claim
        case Crash(failure):
            return "crash", (*claim, failure.summary, failure.traceback, job.attempt)
        case Cancel():
            return "cancel_claimed", claim
        case Bury(reason, failure):
            return "bury", (*claim, str(reason), failure.summary, failure.traceback)


def harmless(verb: str, row: Row, why: str) -> Row:
    """Return the row with nothing in it that a database could refuse."""
    if verb in {"complete", "complete_again"}:
        return (*row[:2], None, storable(f"The result can't be stored: {why}"))
    return tuple(storable(value) if isinstance(value, str) else value for value in row)
