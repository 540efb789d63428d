"""The table ``soniq_jobs``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from typing import Any

import asyncpg

from soniq.backends.contract import Queues, Rescued, Revoked
from soniq.backends.postgres import filters, rows
from soniq.backends.postgres.claims import Claims
from soniq.backends.postgres.completion import transaction
from soniq.backends.postgres.insert import insert_own, insert_then_wake, native, write
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.rescue import Rescue
from soniq.backends.postgres.settle import Settling
from soniq.backends.postgres.wakeups import PostgresWakeups
from soniq.clock import Clock
from soniq.errors import JobProcessing
from soniq.history import PastAttempt
from soniq.job import ClaimedJob, Job, JobStatus, NewJob
from soniq.outcome import NOT_FOUND, Reason, Settlement
from soniq.search import Found, JobSearch
from soniq.standing import Ahead


class PostgresJobs:
    """Jobs in PostgreSQL; each method is one statement or one transaction."""

    def __init__(self, db: Database, clock: Clock, wakeups: PostgresWakeups) -> None:
        self._db = db
        self._clock = clock
        self._wakeups = wakeups
        self._claims = Claims(db, clock, wakeups.rouse)
        self.front = self._claims.front

    async def insert(
        self, jobs: Sequence[NewJob], *, connection: object | None = None, wake: bool = False
    ) -> list[str]:
        """Write all jobs or none; see the contract. One round trip where no key is taken."""
        if not jobs:
            return []
        now = self._clock.pinned()
        if connection is not None:
            with self._db.target.explained():
                return await write(native(connection), jobs, now)
        if not wake:
            return await insert_own(self._db, jobs, now)
        queues = {job.queue for job in jobs}
        if self._wakeups.at_once and len(jobs) == 1 and jobs[0].unique_key is None:
            # What it has written is found again below: ids are chosen here.
            with suppress(asyncpg.ProgramLimitExceededError, asyncpg.UniqueViolationError):
                job_id = await insert_then_wake(self._db, jobs[0], now)
                self._wakeups.called(queues)
                return [job_id]
        ids = await insert_own(self._db, jobs, now)
        self._wakeups.call(queues)
        return ids

    async def claim(
        self, queues: Queues, *, limit: int, worker: str, unknown: Collection[str] = ()
    ) -> list[ClaimedJob]:
        """Take up to ``limit`` due jobs in order."""
        if limit < 1 or queues == ():
            return []
        now = self._clock.pinned()
        return await self._claims.take(queues, limit=limit, worker=worker, unknown=unknown, now=now)

    async def due_in(self, queues: Queues, *, unknown: Collection[str] = ()) -> float | None:
        """Return the seconds until the next job is due, None if none waits."""
        now = self._clock.pinned()
        return await self._claims.due_in(queues, unknown=unknown, now=now)

    async def settle(self, settlements: Sequence[Settlement], *, worker: str) -> set[str]:
        """Write outcomes; return the ids of the jobs that the worker still owned."""
        settling = Settling(self._db, worker, self._clock.pinned())
        owned = await settling.settle(settlements)
        self._claims.settled(worker, settlements)
        return owned

    async def isolate(self, job: ClaimedJob, *, worker: str) -> bool:
        """Note that ``worker`` runs nothing beside this claim; False if the claim is lost."""
        key = rows.as_uuid(worker)
        return bool(await self._db.fetch("jobs/isolate", job.id, job.fence, key))

    async def revoked(self, claims: Sequence[ClaimedJob], *, worker: str) -> list[Revoked]:
        """Return which of these claims were cancelled by an operator, or are lost."""
        ids, fences = [job.id for job in claims], [job.fence for job in claims]
        records = await self._db.fetch("jobs/revoked", rows.as_uuid(worker), ids, fences)
        return [Revoked(str(r["id"]), r["fence"], r["cancelled"]) for r in records]

    def transaction(self, claim: ClaimedJob, *, worker: str) -> AbstractAsyncContextManager[Any]:
        """Lend an asyncpg connection in a transaction that also completes the claim."""
        now = self._clock.pinned()
        return transaction(self._db, claim, worker=worker, now=now)

    async def rescue(self, *, max_crashes: int) -> list[Rescued]:
        """Take back the jobs of workers that are gone."""
        rescued = await Rescue(self._db, self._clock.pinned(), max_crashes).run()
        if rescued:
            self._claims.put_back()
        return rescued

    async def bury_unknown(self, names: Collection[str], *, grace: float) -> int:
        """Bury overdue jobs of these names that no living worker knows; return how many."""
        if not names:
            return 0
        now, overdue = self._clock.pinned(), rows.within_calendar(grace)
        reason, error = str(Reason.JOB_NOT_FOUND), NOT_FOUND.summary
        records = await self._db.fetch_once(
            "jobs/bury_unknown", now, list(names), overdue, reason, error, self._db.rollups
        )
        return sum(len(record["ids"]) for record in records)

    async def get(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        key = rows.as_uuid(job_id)
        records = await self._db.fetch("jobs/get", key)
        return rows.job(records[0]) if records else None

    async def attempts(self, job_id: str) -> list[PastAttempt]:
        """Return the attempts of a job that did not end well, oldest end first."""
        records = await self._db.fetch("jobs/attempts", rows.as_uuid(job_id))
        return [rows.past_attempt(record) for record in records]

    async def find(
        self,
        *,
        queue: str | None = None,
        status: JobStatus | None = None,
        name: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Job]:
        """Return jobs, newest first."""
        records = await self._db.fetch("jobs/find", queue, status, name, limit, offset)
        return [rows.job(record) for record in records]

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[Job]:
        """Return up to ``limit`` jobs that match, newest first."""
        if search.reason is not None or not filters.can_begin(search, after):
            return Found([], 0, None)
        place = (self._clock.pinned(), after, window, limit)
        records = await self._db.fetch(
            "jobs/search", *place, *filters.parameters(search), search.status
        )
        return filters.page(records, rows.job)

    async def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return those of these jobs that there are."""
        keys = [key for key in map(rows.as_uuid, job_ids) if key is not None]
        return [rows.job(record) for record in await self._db.fetch("jobs/get_many", keys)]

    async def running(self, *, limit: int = 1000) -> list[Job]:
        """Return jobs that are PROCESSING, the longest-running first."""
        records = await self._db.fetch("jobs/running", limit)
        return [rows.job(record) for record in records]

    async def runs(self, *, limit: int = 1000) -> list[tuple[str, datetime]]:
        """Return the ids of jobs that are PROCESSING and since when, the longest-running first."""
        records = await self._db.fetch("jobs/runs", limit)
        return [(str(record["id"]), record["started_at"]) for record in records]

    async def ended(self, *, since: datetime, limit: int = 1000) -> list[Job]:
        """Return jobs that are DONE or CANCELLED since then, the earliest end first."""
        records = await self._db.fetch("jobs/ended", since, limit)
        return [rows.job(record) for record in records]

    async def ahead(self, job_id: str, *, bound: int = 10_000) -> Ahead | None:
        """Return how many due jobs of its queue a QUEUED job has before it."""
        # One more than are counted, to see whether there is one.
        place = (self._clock.pinned(), rows.as_uuid(job_id), bound + 1)
        records = await self._db.fetch("jobs/ahead", *place)
        return Ahead.counted(records[0]["number"], bound) if records else None

    async def hasten(self, job_id: str) -> bool:
        """Make a QUEUED job that is scheduled for later due now; tell whether it was one."""
        key = rows.as_uuid(job_id)
        hastened = await self._db.fetch_once("jobs/hasten", self._clock.pinned(), key)
        if hastened:
            # It is due later than what was taken so far, unless clocks stand still; but its id is
            # older. Other processes find it as they find new jobs.
            self._claims.put_back()
        return bool(hastened)

    async def cancel(self, job_id: str) -> bool:
        """Cancel a QUEUED job, or ask for the end of a PROCESSING one; tell whether it was one."""
        key = rows.as_uuid(job_id)
        return bool(await self._db.fetch_once("jobs/cancel", self._clock.pinned(), key))

    async def delete(self, job_id: str) -> bool:
        """Delete a job that is not running; tell whether there was one.

        Raises:
            JobProcessing: it is running.
        """
        (record,) = await self._db.fetch_once("jobs/delete", rows.as_uuid(job_id))
        if record["running"]:
            message = f"Job {job_id} is running: wait until it has ended, then delete it."
            raise JobProcessing(message)
        return bool(record["deleted"])

    async def prune(self, *, older_than: float, limit: int = 1000) -> int:
        """Delete up to ``limit`` jobs that ended long enough ago; return how many."""
        now, age = self._clock.pinned(), rows.within_calendar(older_than)
        (record,) = await self._db.fetch("jobs/prune", now, age, limit)
        return int(record["pruned"])
