"""The table ``soniq_jobs`` in a SQLite file."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from sqlite3 import Connection
from typing import Any

from soniq.backends.contract import Queues, Rescued, Revoked
from soniq.backends.refusals import still_running
from soniq.backends.sqlite import filters
from soniq.backends.sqlite.ahead import ahead
from soniq.backends.sqlite.claim import claim, due_at
from soniq.backends.sqlite.completion import Completions
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.history import Ends, forget
from soniq.backends.sqlite.insert import insert
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rescue import bury_unknown, rescue
from soniq.backends.sqlite.rows import job as job_of
from soniq.backends.sqlite.rows import moment, past_attempt, text
from soniq.backends.sqlite.settle import Settling, revoked
from soniq.backends.sqlite.wakeups import bells_of
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.history import PastAttempt
from soniq.job import ClaimedJob, Job, JobStatus, NewJob
from soniq.outcome import Settlement
from soniq.search import Found, JobSearch
from soniq.standing import Ahead


class SqliteJobStore:
    """Every transition of a job, each in one transaction of the handle's own thread.

    The clock is asked within the transaction: waiting for the lock must not make a time stale.
    """

    def __init__(self, database: Database, clock: Clock, *, rollups: bool) -> None:
        self._database = database
        self._clock = clock
        self._rollups = rollups
        self._bells = bells_of(database.path)
        self._completions = Completions(database, clock, rollups=rollups)

    async def insert(
        self, jobs: Sequence[NewJob], *, connection: object | None = None, wake: bool = False
    ) -> list[str]:
        """Write all jobs or none and return the ids that stand for them, in the same order.

        Raises:
            TransactionUnsupported: ``connection`` is not that of a handler's open transaction.
        """
        if connection is not None:
            return await self._completions.insert(connection, jobs)
        # A job with a key can take more statements, to find the one that holds it.
        brief = len(jobs) == 1 and jobs[0].unique_key is None
        write = self._database.write_briefly if brief else self._database.write
        ids = await write(lambda own: insert(own, jobs, self._clock))
        if wake:
            self._bells.ring({job.queue for job in jobs})
        return ids

    async def claim(
        self, queues: Queues, *, limit: int, worker: str, unknown: Collection[str] = ()
    ) -> list[ClaimedJob]:
        """Take up to ``limit`` due jobs for ``worker``: by priority, then scheduled_at, then id."""
        names = tuple(unknown)
        return await self._database.write(
            lambda connection: claim(
                connection, queues, limit=limit, worker=worker, unknown=names, clock=self._clock
            )
        )

    async def due_in(self, queues: Queues, *, unknown: Collection[str] = ()) -> float | None:
        """Return the seconds until the next queued job is due (0 for now), or None."""
        names = tuple(unknown)
        due = await self._database.read(lambda connection: due_at(connection, queues, names))
        if due is None:
            return None
        return max(0.0, (moment(due) - self._clock.now()).total_seconds())

    async def settle(self, settlements: Sequence[Settlement], *, worker: str) -> set[str]:
        """Write the outcomes of claims of ``worker``; return the ids of the jobs it still owned."""

        def work(connection: Connection) -> set[str]:
            now = self._clock.now()
            ends = Ends(now, counting=self._rollups)
            return Settling(connection, worker, now, ends).settle(settlements)

        return await self._database.write(work)

    async def isolate(self, job: ClaimedJob, *, worker: str) -> bool:
        """Note that ``worker`` runs nothing beside this claim; False if the claim is lost."""
        claim = {"id": job.id, "fence": job.fence, "worker": worker}
        return await self._database.write(
            lambda connection: connection.execute(sql("jobs/isolate"), claim).rowcount > 0
        )

    async def revoked(self, claims: Sequence[ClaimedJob], *, worker: str) -> list[Revoked]:
        """Return which of these claims were cancelled by an operator, or are lost."""
        return await self._database.read(
            lambda connection: revoked(connection, claims, worker=worker)
        )

    def transaction(self, claim: ClaimedJob, *, worker: str) -> AbstractAsyncContextManager[Any]:
        """Lend an aiosqlite connection in a transaction that also completes the claim."""
        return self._completions.transaction(claim, worker=worker)

    async def rescue(self, *, max_crashes: int) -> list[Rescued]:
        """Take back the jobs whose worker's lease has run out or whose worker row is gone."""
        return await self._database.write(
            lambda connection: rescue(
                connection,
                max_crashes=max_crashes,
                now=self._clock.now(),
                rollups=self._rollups,
            )
        )

    async def bury_unknown(self, names: Collection[str], *, grace: float) -> int:
        """Bury jobs of these names, due for ``grace`` seconds, that no living worker knows."""
        strangers = tuple(names)

        def work(connection: Connection) -> int:
            now = self._clock.now()
            ends = Ends(now, counting=self._rollups)
            return bury_unknown(connection, strangers, grace=grace, now=now, ends=ends)

        return await self._database.write(work)

    async def get(self, job_id: str) -> Job | None:
        """Return the job, or None."""
        record = await self._database.read(
            lambda connection: connection.execute(sql("jobs/get"), {"id": job_id}).fetchone()
        )
        return job_of(record) if record else None

    async def attempts(self, job_id: str) -> list[PastAttempt]:
        """Return the attempts of a job that did not end well, oldest end first."""
        records = await self._database.read(
            lambda connection: connection.execute(sql("jobs/attempts"), {"id": job_id}).fetchall()
        )
        return [past_attempt(record) for record in records]

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
        wanted = {"queue": queue, "status": status, "name": name, "limit": limit, "offset": offset}
        records = await self._database.read(
            lambda connection: connection.execute(sql("jobs/find"), wanted).fetchall()
        )
        return [job_of(record) for record in records]

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[Job]:
        """Return up to ``limit`` jobs that match, newest first."""
        if search.reason is not None or not filters.can_begin(search, after):
            return Found([], 0, None)
        wanted = {**filters.parameters(search, self._clock.now()), "status": search.status}
        return await filters.walk(
            self._database, "jobs", wanted, limit=limit, after=after, window=window, value=job_of
        )

    async def get_many(self, job_ids: Sequence[str]) -> list[Job]:
        """Return those of these jobs that there are."""
        facts = {"ids": json.dumps(list(job_ids))}
        records = await self._database.read(
            lambda connection: connection.execute(sql("jobs/get_many"), facts).fetchall()
        )
        return [job_of(record) for record in records]

    async def running(self, *, limit: int = 1000) -> list[Job]:
        """Return jobs that are PROCESSING, the longest-running first."""
        records = await self._database.read(
            lambda connection: connection.execute(sql("jobs/running"), {"limit": limit}).fetchall()
        )
        return [job_of(record) for record in records]

    async def runs(self, *, limit: int = 1000) -> list[tuple[str, datetime]]:
        """Return the ids of jobs that are PROCESSING and since when, the longest-running first."""
        records = await self._database.read(
            lambda connection: connection.execute(sql("jobs/runs"), {"limit": limit}).fetchall()
        )
        return [(job_id, moment(since)) for job_id, since in records]

    async def ended(self, *, since: datetime, limit: int = 1000) -> list[Job]:
        """Return jobs that are DONE or CANCELLED since then, the earliest end first."""
        facts = {"since": text(since), "limit": limit}
        records = await self._database.read(
            lambda connection: connection.execute(sql("jobs/ended"), facts).fetchall()
        )
        return [job_of(record) for record in records]

    async def ahead(self, job_id: str, *, bound: int = 10_000) -> Ahead | None:
        """Return how many due jobs of its queue a QUEUED job has before it."""
        return await self._database.read(
            lambda connection: ahead(connection, job_id, now=text(self._clock.now()), bound=bound)
        )

    async def hasten(self, job_id: str) -> bool:
        """Make a QUEUED job that is scheduled for later due now; tell whether it was one."""

        def work(connection: Connection) -> bool:
            facts = {"id": job_id, "now": text(self._clock.now())}
            return connection.execute(sql("jobs/hasten"), facts).rowcount > 0

        return await self._database.write(work)

    async def cancel(self, job_id: str) -> bool:
        """Cancel a QUEUED job, or ask for the end of a PROCESSING one; tell whether it was one."""

        def work(connection: Connection) -> bool:
            facts = {"id": job_id, "now": text(self._clock.now())}
            return connection.execute(sql("jobs/cancel"), facts).rowcount > 0

        return await self._database.write(work)

    async def delete(self, job_id: str) -> bool:
        """Delete a job; tell whether there was one.

        Raises:
            JobProcessing: it is running.
        """

        def work(connection: Connection) -> bool:
            facts = {"id": job_id}
            if connection.execute(sql("jobs/delete"), facts).rowcount:
                forget(connection, [job_id])
                return True
            if connection.execute(sql("jobs/exists"), facts).fetchone():
                raise still_running(job_id)
            return False

        return await self._database.write(work)

    async def prune(self, *, older_than: float, limit: int = 1000) -> int:
        """Delete up to ``limit`` jobs that ended more than ``older_than`` seconds ago."""

        def work(connection: Connection) -> int:
            facts = {"before": text(later(self._clock.now(), -older_than)), "limit": limit}
            pruned = [job_id for (job_id,) in connection.execute(sql("jobs/prune"), facts)]
            forget(connection, pruned)
            return len(pruned)

        return await self._database.write(work)
