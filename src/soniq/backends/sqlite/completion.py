"""The transaction of a handler, on a connection and thread of its own; it completes the job."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosqlite

from soniq import crashpoints
from soniq.backends.refusals import claim_lost, ended_by_hand, refuse_connection
from soniq.backends.sqlite.connection import HOLD, Database, Hold
from soniq.backends.sqlite.failures import code_of, is_busy, translate
from soniq.backends.sqlite.history import Ends
from soniq.backends.sqlite.insert import first, insert_through
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import text
from soniq.backends.sqlite.transactions import PATIENCE
from soniq.backends.sqlite.wakeups import bells_of, in_transaction
from soniq.clock import Clock
from soniq.history import Group
from soniq.job import ClaimedJob, NewJob
from soniq.outlast import outlast

# SQLite waits in the connection's thread, where nobody can stop it: so a little at a time.
BUSY_TIMEOUT = 0.25


@dataclass(slots=True)
class Latch:
    """Keeps the handler from ending the transaction: SQLite asks it about every statement."""

    shut: bool = False

    def allows(self, action: int, *_: object) -> int:
        """Say whether SQLite may prepare a statement; BEGIN, COMMIT and ROLLBACK are one kind."""
        refused = self.shut and action == sqlite3.SQLITE_TRANSACTION
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK


class Completions:
    """The transactions of handlers on one file. While one is open, all other writers wait."""

    def __init__(self, database: Database, clock: Clock, *, rollups: bool) -> None:
        self._database = database
        self._clock = clock
        self._rollups = rollups
        # The open ones, each with the queues to wake when it is committed.
        self._open: dict[aiosqlite.Connection, set[str]] = {}

    @asynccontextmanager
    async def transaction(
        self, claim: ClaimedJob, *, worker: str
    ) -> AsyncGenerator[aiosqlite.Connection]:
        """Lend a connection in a transaction; at the end complete the claim and commit."""
        path = self._database.path
        self._database.check()
        latch, hold = Latch(), Hold(path)
        connection = unopened(path, latch)
        try:
            await outlast(open_durably(connection, path))
            await begin(connection, path)
            latch.shut = True
            HOLD.set(hold)
            self._open[connection] = set()
            yield connection
            latch.shut = False
            await self._complete(connection, claim, worker)
        except sqlite3.Error as error:
            if code_of(error) == sqlite3.SQLITE_AUTH:
                raise ended_by_hand(claim) from error
            raise
        finally:
            hold.ended = True
            self._open.pop(connection, None)
            await outlast(close(connection))

    async def insert(self, connection: object, jobs: Sequence[NewJob]) -> list[str]:
        """Write jobs in an open transaction; return the ids that stand for them.

        Raises:
            TransactionUnsupported: the connection is not one of these.
        """
        if not isinstance(connection, aiosqlite.Connection) or connection not in self._open:
            refuse_connection("sqlite")
        self._open[connection].update(job.queue for job in jobs)
        return await insert_through(connection, jobs, self._clock)

    async def _complete(
        self, connection: aiosqlite.Connection, claim: ClaimedJob, worker: str
    ) -> None:
        if not in_transaction(connection):  # a conflict clause or a full disk can have ended it
            raise ended_by_hand(claim)
        now = self._clock.now()
        facts: dict[str, str | int | None] = {
            "id": claim.id,
            "fence": claim.fence,
            "worker": worker,
            "now": text(now),
        }
        ends = Ends(now, counting=self._rollups)
        try:
            done = await first(connection, "jobs/complete_within", facts)
            if done is None:
                raise claim_lost(claim)
            group = Group(worker, claim.queue, claim.job_name, "complete")
            ends.count(group, claim.scheduled_at, done[0])
            for rollup in ends.rollups():
                await connection.execute(sql("history/roll_up"), rollup)
            if crashpoints.ARMED:
                crashpoints.passed("transaction.before_commit")
            await connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise translate(error, self._database.path) from error
        bells_of(self._database.path).ring(self._open[connection])


def unopened(path: Path, latch: Latch) -> aiosqlite.Connection:
    """Return a connection that opens the file when it is first awaited."""

    def latched(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.Connection(*args, **options)
        connection.set_authorizer(latch.allows)
        return connection

    return aiosqlite.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None, factory=latched)


async def open_durably(connection: aiosqlite.Connection, path: Path) -> None:
    """Open the file; what is committed through the connection survives a power cut."""
    try:
        await connection
        await connection.execute("PRAGMA synchronous = FULL")
        # Of no effect within a transaction, so the handler itself would come too late for it.
        await connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error as error:
        raise translate(error, path) from error


async def begin(connection: aiosqlite.Connection, path: Path) -> None:
    """Take the file's write lock; wait for it as long as all other writers do."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            await connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise translate(error, path) from error
            await asyncio.sleep(random.uniform(0.001, 0.01))  # noqa: S311 - jitter, not a secret
        else:
            return


async def close(connection: aiosqlite.Connection) -> None:
    """Close the connection, which undoes what is not committed, and end its thread."""
    with suppress(ValueError):  # it is closed already, or was never opened
        # A statement of a cancelled handler may be running for a long time yet.
        await connection.interrupt()
        await connection.close()
