"""The jobs of the memory backend: the state machine of the databases, over ``Tables``."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from soniq.backends.contract import Queues, Rescued, Revoked
from soniq.backends.filters import is_possible
from soniq.backends.memory import history
from soniq.backends.memory.claim import Walk, ahead
from soniq.backends.memory.filters import matcher, walk
from soniq.backends.memory.rows import claimed
from soniq.backends.memory.rows import job as job_of
from soniq.backends.memory.settle import apply, check_json, owned
from soniq.backends.memory.tables import JobRow, Tables
from soniq.backends.refusals import refuse_connection, refuse_transaction, still_running
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.history import PastAttempt
from soniq.job import ClaimedJob, Job, JobStatus, NewJob
from soniq.outcome import NOT_FOUND, Complete, Reason, Settlement, is_guilty, worker_lost
from soniq.search import Found, JobSearch
from soniq.standing import Ahead


class MemoryJobStore:
    """Every transition of a job, each under the lock of the tables."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def insert(
        self, jobs: Sequence[NewJob], *, connection: object | None = None, wake: bool = False
    ) -> list[str]:
        """Write all jobs or none and return the ids that stand for them, in the same order.

        Raises:
            TransactionUnsupported: ``connection`` was given.
        """
        if connection is not None:
            refuse_connection("memory")
        for job in jobs:
            check_json(job.args)
        with self._tables.lock:
            ids = [self._insert_one(job) for job in jobs]
        if wake:
            self._tables.bells.ring({job.queue for job in jobs})
        return ids

    def _insert_one(self, job: NewJob) -> str:
        if job.id in self._tables.jobs:
            return job.id
        if job.unique_key is not None and job.unique_key in self._tables.holders:
            return self._tables.holders[job.unique_key]
        now = self._clock.now()
        due = later(now, job.delay) if job.scheduled_at is None else job.scheduled_at
        row = JobRow(
            id=job.id,
            job_name=job.job_name,
            queue=job.queue,
            priority=job.priority,
            args=job.args,
            max_attempts=job.max_attempts,
            scheduled_at=max(now, due),
            created_at=now,
            unique_key=job.unique_key,
            headers=job.headers,
        )
        self._tables.enqueue(row)
        return job.id

    async def claim(
        self, queues: Queues, *, limit: int, worker: str, unknown: Collection[str] = ()
    ) -> list[ClaimedJob]:
        """Take up to ``limit`` due jobs for ``worker``: by priority, then scheduled_at, then id."""
        with self._tables.lock:
            now = self._clock.now()
            walk = Walk(self._tables, unknown, now)
            return [claimed(row) for row in walk.take(queues, limit=limit, worker=worker, now=now)]

    async def due_in(self, queues: Queues, *, unknown: Collection[str] = ()) -> float | None:
        """Return the seconds until the next queued job is due (0 for now), or None."""
        with self._tables.lock:
            due = Walk(self._tables, unknown, None).due_at(queues)
            if due is None:
                return None
            return max(0.0, (due - self._clock.now()).total_seconds())

    async def settle(self, settlements: Sequence[Settlement], *, worker: str) -> set[str]:
        """Write the outcomes of claims of ``worker``; return the ids of the jobs it still owned."""
        written: set[str] = set()
        with self._tables.lock:
            now = self._clock.now()
            for settlement in settlements:
                repeatable = isinstance(settlement.outcome, Complete)
                row = owned(self._tables, settlement.job, worker, or_done=repeatable)
                if row is not None:
                    apply(self._tables, row, settlement.outcome, now)
                    written.add(row.id)
        return written

    async def isolate(self, job: ClaimedJob, *, worker: str) -> bool:
        """Note that ``worker`` runs nothing beside this claim; False if the claim is lost."""
        with self._tables.lock:
            row = owned(self._tables, job, worker)
            if row is not None:
                row.isolated_fence = row.fence
            return row is not None

    async def revoked(self, claims: Sequence[ClaimedJob], *, worker: str) -> list[Revoked]:
        """Return which of these claims were cancelled by an operator, or are lost."""
        with self._tables.lock:
            rows = [(job, owned(self._tables, job, worker, or_done=True)) for job in claims]
        return [
            Revoked(job.id, job.fence, cancelled=row is not None)
            for job, row in rows
            if row is None or (row.cancel_requested and row.status is JobStatus.PROCESSING)
        ]

    def transaction(
        self,
        claim: ClaimedJob,  # noqa: ARG002
        *,
        worker: str,  # noqa: ARG002
    ) -> AbstractAsyncContextManager[Any]:
        """Refuse: there is nothing else in these tables that a handler could write.

        Raises:
            UnsupportedByBackend: always.
        """
        refuse_transaction("memory")

    async def rescue(self, *, max_crashes: int) -> list[Rescued]:
        """Take back the jobs whose worker's lease has run out or whose worker row is gone."""
        rescued: list[Rescued] = []
        with self._tables.lock:
            now = self._clock.now()
            for job_id in sorted(self._tables.processing):
                row = self._tables.jobs[job_id]
                if not self._tables.alive(row.worker_id, now):
                    rescued.append(self._rescue_one(row, max_crashes))
        return rescued

    def _rescue_one(self, row: JobRow, max_crashes: int) -> Rescued:
        worker_id = row.worker_id or ""
        cancelled = row.cancel_requested
        isolated = row.isolated_fence == row.fence
        buried = not cancelled and is_guilty(row.crashes, max_crashes, isolated=isolated)
        row.crashes += 1
        failure = worker_lost(worker_id)
        end = "bury" if buried else "cancel" if cancelled else "crash"
        history.note(self._tables, row, end, self._clock.now(), failure)
        if buried:
            self._tables.bury(row, Reason.WORKER_CRASHED, self._clock.now(), failure)
        else:
            row.attempts = min(row.attempts, row.max_attempts - 1)
            row.last_error, row.last_traceback = failure.summary, None
            self._tables.put_back(row, self._clock.now())
        return Rescued(row.id, row.job_name, row.queue, worker_id, buried, cancelled)

    async def bury_unknown(self, names: Collection[str], *, grace: float) -> int:
        """Bury jobs of these names, due for ``grace`` seconds, that no living worker knows."""
        with self._tables.lock:
            now = self._clock.now()
            strangers = set(names).difference(
                *(
                    worker.identity.tasks
                    for worker in self._tables.workers.values()
                    if worker.expires_at > now
                )
            )
            overdue = [
                row
                for row in self._tables.jobs.values()
                if row.status is JobStatus.QUEUED
                and row.job_name in strangers
                # What waits for an operator has not waited in vain for a worker.
                and row.queue not in self._tables.paused
                and row.scheduled_at <= later(now, -grace)
            ]
            for row in overdue:
                history.count(self._tables, row, "bury", now)
                self._tables.bury(row, Reason.JOB_NOT_FOUND, now, NOT_FOUND)
            return len(overdue)

    async def get(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        with self._tables.lock:
            row = self._tables.jobs.get(job_id)
            return job_of(row) if row else None

    async def attempts(self, job_id: str) -> list[PastAttempt]:
        """Return the attempts of a job that did not end well, oldest end first."""
        with self._tables.lock:
            return history.find(self._tables, job_id)

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
        with self._tables.lock:
            found = [
                row
                for row in self._tables.jobs.values()
                if queue in {None, row.queue}
                and status in {None, row.status}
                and name in {None, row.job_name}
            ]
            found.sort(key=lambda row: row.id, reverse=True)
            return [job_of(row) for row in found[offset : offset + limit]]

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[Job]:
        """Return up to ``limit`` jobs that match, newest first."""
        if search.reason is not None or not is_possible(search):
            return Found([], 0, None)
        with self._tables.lock:
            jobs = self._tables.jobs
            fits = matcher(search, self._clock.now())

            def matches(key: str) -> bool:
                return search.status in {None, jobs[key].status} and fits(jobs[key])

            ids, looked_at, following = walk(jobs, matches, limit, after, window)
            return Found([job_of(jobs[key]) for key in ids], looked_at, following)

    async def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return those of these jobs that there are."""
        with self._tables.lock:
            found = map(self._tables.jobs.get, dict.fromkeys(job_ids))
            return [job_of(row) for row in found if row is not None]

    async def running(self, *, limit: int = 1000) -> list[Job]:
        """Return jobs that are PROCESSING, the longest-running first."""
        with self._tables.lock:
            rows = [self._tables.jobs[key] for key in self._tables.processing]
            rows.sort(key=lambda row: (row.started_at or row.created_at, row.id))
            return [job_of(row) for row in rows[:limit]]

    async def runs(self, *, limit: int = 1000) -> list[tuple[str, datetime]]:
        """Return the ids of jobs that are PROCESSING and since when, the longest-running first."""
        running = await self.running(limit=limit)
        return [(job.id, job.started_at or job.created_at) for job in running]

    async def ended(self, *, since: datetime, limit: int = 1000) -> list[Job]:
        """Return jobs that are DONE or CANCELLED since then, the earliest end first."""
        with self._tables.lock:
            jobs = self._tables.jobs
            places = [
                place
                for place in self._tables.ended
                # A deleted job leaves its place behind.
                if place[0] >= since and place[1] in jobs and jobs[place[1]].finished_at == place[0]
            ]
            return [job_of(jobs[key]) for _, key in heapq.nsmallest(limit, places)]

    async def ahead(self, job_id: str, *, bound: int = 10_000) -> Ahead | None:
        """Return how many due jobs of its queue a QUEUED job has before it."""
        with self._tables.lock:
            row = self._tables.jobs.get(job_id)
            if row is None or row.status is not JobStatus.QUEUED:
                return None
            return ahead(self._tables, row, now=self._clock.now(), bound=bound)

    async def hasten(self, job_id: str) -> bool:
        """Make a QUEUED job that is scheduled for later due now; tell whether it was one."""
        with self._tables.lock:
            row, now = self._tables.jobs.get(job_id), self._clock.now()
            if row is None or row.status is not JobStatus.QUEUED or row.scheduled_at <= now:
                return False
            row.scheduled_at = now
            self._tables.line_up(row)  # its old place is dropped when it comes to the top
            return True

    async def cancel(self, job_id: str) -> bool:
        """Cancel a QUEUED job, or ask for the end of a PROCESSING one; tell whether it was one."""
        with self._tables.lock:
            row = self._tables.jobs.get(job_id)
            if row is None or row.finished_at is not None:
                return False
            if row.status is JobStatus.PROCESSING:
                row.cancel_requested = True
            else:
                self._tables.end(row, JobStatus.CANCELLED, self._clock.now())
            return True

    async def delete(self, job_id: str) -> bool:
        """Delete a job; tell whether there was one.

        Raises:
            JobProcessing: it is running.
        """
        with self._tables.lock:
            row = self._tables.jobs.get(job_id)
            if row is None:
                return False
            if row.status is JobStatus.PROCESSING:
                raise still_running(job_id)
            self._tables.remove(row)
            history.forget(self._tables, job_id)
            return True

    async def prune(self, *, older_than: float, limit: int = 1000) -> int:
        """Delete up to ``limit`` jobs that ended more than ``older_than`` seconds ago."""
        pruned = 0
        with self._tables.lock:
            before = later(self._clock.now(), -older_than)
            ended = self._tables.ended
            while ended and ended[0][0] <= before and pruned < limit:
                moment, job_id = heapq.heappop(ended)
                row = self._tables.jobs.get(job_id)
                # A deleted job leaves its place behind.
                if row is not None and row.finished_at == moment:
                    self._tables.remove(row)
                    history.forget(self._tables, job_id)
                    pruned += 1
        return pruned
