"""What every backend can do: small protocols, one per store, with verbs that all can honour.

A transition of a job is one statement or one transaction inside one store method. Every write by a
worker names the claim (``worker`` and ``fence``) that it believes to own and changes nothing where
that claim is no longer in force. All times are aware and in UTC, all durations in seconds. Only the
database's clock decides what is due or expired (unless a test's clock pins it).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from soniq.backends.operator_contract import (
    AuditStore,
    DeadLetterStore,
    QueueStore,
    StatsStore,
)
from soniq.backends.schedule_contract import ScheduleStore
from soniq.backends.worker_contract import Lifeline, WorkerStore
from soniq.history import PastAttempt
from soniq.job import ClaimedJob, Job, JobStatus, NewJob
from soniq.outcome import Settlement
from soniq.search import Found, JobSearch
from soniq.standing import Ahead

# The queues that a worker serves; None for all of them, also those that appear later.
Queues = tuple[str, ...] | None

# What schedulers wait for in place of a queue: no queue can have a name like that, and whoever
# waits for all queues does not wait for it.
SCHEDULE_CHANGES = "\x7fschedules"


@dataclass(frozen=True, slots=True)
class Rescued:
    """A job taken back from a worker that is gone: it is queued again.

    Unless it was ``buried``, for it has crashed too often, or ``cancelled``, as somebody wished.
    """

    job_id: str
    job_name: str
    queue: str
    worker_id: str
    buried: bool
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Revoked:
    """A claim that its worker has to let go of: ``cancelled`` by an operator, or else lost."""

    job_id: str
    fence: int
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the schema; ``applied_at`` is None while it is pending."""

    version: int
    name: str
    checksum: str
    applied_at: datetime | None = None


class JobStore(Protocol):
    """The table ``soniq_jobs``."""

    async def insert(
        self, jobs: Sequence[NewJob], *, connection: object | None = None, wake: bool = False
    ) -> list[str]:
        """Write all jobs or none, in one transaction, and return their ids in the same order.

        Where a job's ``unique_key`` is held by a QUEUED job (also one earlier in ``jobs``), nothing
        is written for it and the id of that job is returned. Inserting the same ids again is
        harmless. With ``connection`` the rows belong to the caller's open transaction: never
        committed, never retried, nothing raised for a duplicate. With ``wake``, and without
        ``connection``, those who wait for the queues are roused once the rows are durable, in the
        same trip where that can be; as for ``Wakeups.wake``, that it fails is not told.

        Raises:
            TransactionUnsupported: ``connection`` was given and this backend can't use it.
            SQLite knows only connections of its own ``transaction``.
        """
        ...

    async def claim(
        self, queues: Queues, *, limit: int, worker: str, unknown: Collection[str] = ()
    ) -> list[ClaimedJob]:
        """Take up to ``limit`` due jobs for ``worker``: by priority, then scheduled_at, then id.

        Each one becomes PROCESSING with ``attempts`` and ``fence`` one higher, and is given to no
        other claim. Jobs whose task name is in ``unknown`` are left alone, and so is every job of a
        queue that is paused.
        """
        ...

    async def due_in(self, queues: Queues, *, unknown: Collection[str] = ()) -> float | None:
        """Return the seconds until the next queued job is due (0: now), or None if none is.

        Those of paused queues don't count.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement], *, worker: str) -> set[str]:
        """Write the outcomes of claims of ``worker``; return the ids of jobs that it still owned.

        Complete → DONE, or no change but the result where this very claim made it DONE already.
        Retry → QUEUED, due after the delay, with the error. Snooze → QUEUED, due
        after its seconds, attempt given back. Release → QUEUED, due as before, attempt given back.
        Crash → QUEUED, due as before, with the error and one crash more; the attempt is spent, but
        never the last one. Bury → a row of ``soniq_dead_letter_jobs`` instead of this one, in one
        step, with one crash more where the reason is ``worker_crashed``. Cancel → CANCELLED, as
        does whatever would be QUEUED again when a cancellation was requested. Whatever ends an
        attempt counts it in ``StatsStore.rollups``, once, and adds it to ``attempts`` unless it
        ended well: in the same transaction. A release leaves no trace. A job that goes back
        to QUEUED while another one waits under its unique key gives up the key. One bad row never
        keeps the others from being written.
        """
        ...

    async def isolate(self, job: ClaimedJob, *, worker: str) -> bool:
        """Note that ``worker`` runs nothing beside this claim; False if the claim is lost.

        Only such a run, or the first one, can make ``rescue`` bury a job.
        """
        ...

    async def revoked(self, claims: Sequence[ClaimedJob], *, worker: str) -> list[Revoked]:
        """Return which of these claims of ``worker`` were cancelled by an operator, or are lost.

        A claim that has made its job DONE is neither.
        """
        ...

    def transaction(self, claim: ClaimedJob, *, worker: str) -> AbstractAsyncContextManager[Any]:
        """Lend a connection in a transaction that also completes the claim (``async with``).

        The end of the block makes the job DONE, without a result, and commits; an exception rolls
        everything back.

        Raises:
            ClaimLost: at the end, if the claim is no longer in force; everything is rolled back.
            TransactionMisused: at the end, if somebody else has ended the transaction.
            UnsupportedByBackend: at once, if this backend has no transactions.
        """
        ...

    async def rescue(self, *, max_crashes: int) -> list[Rescued]:
        """Take back the jobs whose worker's lease has run out or whose worker row is gone.

        They go back to QUEUED, due as before, with ``last_error`` "worker lost", one crash more and
        the attempt spent, but never the last attempt: a crash leaves a job at least one more run.
        With ``max_crashes`` crashes they are buried as ``worker_crashed``, unless others ran beside
        them: only a claim that was ``isolate``d can be the last. Where a cancellation was requested
        they become CANCELLED. Row by row: one bad row never keeps the others from being rescued.
        """
        ...

    async def bury_unknown(self, names: Collection[str], *, grace: float) -> int:
        """Bury, as ``job_not_found``, jobs of these names that no living worker knows.

        Only those that have been due for longer than ``grace`` seconds, and none of a queue that is
        paused. Returns how many.
        """
        ...

    async def get(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        ...

    async def attempts(self, job_id: str) -> list[PastAttempt]:
        """Return the attempts of a job that did not end well, oldest end first.

        At most the latest 50, for as long as the job or its dead letter is there.
        """
        ...

    async def find(
        self,
        *,
        queue: str | None = None,
        status: JobStatus | None = None,
        name: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Job]:
        """Return jobs, newest first (by id, descending)."""
        ...

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[Job]:
        """Return up to ``limit`` jobs that match, newest first (by id), after the id ``after``.

        No more than ``window`` rows are looked at; where that was not enough, ``next`` says from
        where to go on. ``search.reason`` matches no job.
        """
        ...

    async def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return those of these jobs that there are, in any order."""
        ...

    async def running(self, *, limit: int = 1000) -> list[Job]:
        """Return jobs that are PROCESSING, the longest-running first."""
        ...

    async def runs(self, *, limit: int = 1000) -> list[tuple[str, datetime]]:
        """Return the ids of jobs that are PROCESSING and since when, the longest-running first."""
        ...

    async def ended(self, *, since: datetime, limit: int = 1000) -> list[Job]:
        """Return jobs that are DONE or CANCELLED since ``since`` or later, the earliest end first.

        An end is dated before it can be seen, by as much as its transaction takes.
        """
        ...

    async def ahead(self, job_id: str, *, bound: int = 10_000) -> Ahead | None:
        """Return how many due jobs of its queue a QUEUED job has before it in the order of claims.

        None if there is no such job or it is not QUEUED. Counts up to ``bound``.
        """
        ...

    async def hasten(self, job_id: str) -> bool:
        """Make a QUEUED job that is scheduled for later due now; tell whether it was one."""
        ...

    async def cancel(self, job_id: str) -> bool:
        """Turn a QUEUED job into a CANCELLED one, or ask for the end of one that is PROCESSING.

        Tell whether either has happened. The worker of the latter learns it from ``revoked``.
        """
        ...

    async def delete(self, job_id: str) -> bool:
        """Delete a job; tell whether there was one.

        Raises:
            JobProcessing: it is running.
        """
        ...

    async def prune(self, *, older_than: float, limit: int = 1000) -> int:
        """Delete up to ``limit`` DONE and CANCELLED jobs that ended ``older_than`` s ago."""
        ...


class Wakeups(Protocol):
    """Tells idle workers of one database that there may be something to do."""

    async def wake(self, queues: Collection[str]) -> None:
        """Rouse those who wait for any of these queues; returns at once, before they are told.

        Best effort: a lost call costs a poll.
        """
        ...

    def wake_after(self, connection: object, queues: Collection[str]) -> None:
        """Rouse them once the caller's ``connection`` has left its transaction."""
        ...

    @property
    def prompt(self) -> bool:
        """Whether those who wait are roused by all others at once, wherever these run."""
        ...

    async def wait(self, queues: Queues, timeout: float) -> Collection[str]:
        """Return when woken, also since the last ``wait``, or after ``timeout`` seconds.

        The answer are the queues that were called out, all of them; none where that is not known.
        """
        ...


class Backend(Protocol):
    """One database: its stores and the way in and out."""

    name: str
    jobs: JobStore
    schedules: ScheduleStore
    dead_letters: DeadLetterStore
    workers: WorkerStore
    queues: QueueStore
    audit: AuditStore
    stats: StatsStore
    wakeups: Wakeups

    async def open(self) -> None:
        """Connect and check the schema (SQLite and memory create it).

        Raises:
            DatabaseUnreachable: nobody answers, or the login was refused.
            SchemaNotReady: PostgreSQL without Soniq's tables, or with older ones.
        """
        ...

    async def close(self) -> None:
        """Give back every connection and thread. Closing twice is harmless."""
        ...

    def forget(self) -> None:
        """Drop what a dead event loop or a parent process has open, without touching it.

        ``open`` makes it anew afterwards.
        """
        ...

    async def setup(self) -> list[Migration]:
        """Create the database if it is missing, update the schema; return what was applied.

        Needs no ``open``. Safe when many do it at once.
        """
        ...

    async def migrations(self) -> list[Migration]:
        """Return all migrations with the time when each was applied. Needs no ``open``."""
        ...

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Lend a connection for the caller's own transaction (``async with``).

        Raises:
            UnsupportedByBackend: this backend has none to lend.
        """
        ...

    def sibling(self, lifeline: Lifeline | None = None) -> Backend:
        """Return another, unopened handle to the same database with one connection of its own.

        For use in another thread and event loop, such as a worker's heartbeat. With ``lifeline``
        it holds that worker's lock for as long as it is open, where the database can do that.
        """
        ...
