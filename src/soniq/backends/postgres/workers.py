"""The table ``soniq_workers``."""

from __future__ import annotations

from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.backends.worker_contract import Renewal, Silence, Vitals, WorkerIdentity
from soniq.clock import Clock
from soniq.job import Worker


class PostgresWorkers:
    """Workers and their leases in PostgreSQL, by the database's clock."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def register(self, worker: WorkerIdentity, *, lease: float) -> None:
        """Write or rewrite the worker's row, alive for ``lease`` seconds."""
        queues = None if worker.queues is None else list(worker.queues)
        await self._db.fetch(
            "workers/register",
            self._clock.pinned(), worker.id, worker.hostname, worker.pid, queues,
            worker.concurrency, list(worker.tasks), rows.within_calendar(lease),
            self._db.lock_key, worker.version,
        )  # fmt: skip

    async def renew(
        self, worker_id: str, *, lease: float, vitals: Vitals | None = None
    ) -> Renewal | None:
        """Prolong the lease to ``lease`` seconds from now; None if the row is gone."""
        now, key = self._clock.pinned(), rows.as_uuid(worker_id)
        seconds, known = rows.within_calendar(lease), vitals or (None, None, None)
        records = await self._db.fetch("workers/renew", now, key, seconds, *known)
        return Renewal(records[0]["others"], records[0]["wish"]) if records else None

    async def ask(self, worker_id: str, wish: str | None) -> bool:
        """Ask a worker to be quiet, to stop, or to go on; tell whether it is there."""
        return bool(await self._db.fetch("workers/ask", rows.as_uuid(worker_id), wish))

    async def silent(self) -> list[Silence]:
        """Return the workers with a running lease whose advisory lock nobody holds."""
        records = await self._db.fetch("workers/silent", self._clock.pinned())
        return [Silence(str(record["id"]), record["renewed_at"]) for record in records]

    async def expire(self, silence: Silence) -> bool:
        """End the lease of a silent worker now, unless it has renewed or locked meanwhile."""
        key = rows.as_uuid(silence.worker_id)
        now = self._clock.pinned()
        return bool(await self._db.fetch("workers/expire", now, key, silence.since))

    async def leave(self, worker_id: str) -> None:
        """Delete the worker's row."""
        await self._db.fetch("workers/leave", rows.as_uuid(worker_id))

    async def find(self) -> list[Worker]:
        """Return all workers, oldest start first."""
        records = await self._db.fetch("workers/find", self._clock.pinned())
        return [rows.worker(record) for record in records]

    async def prune(self) -> int:
        """Delete rows whose lease has run out and that hold no job; return how many."""
        return len(await self._db.fetch("workers/prune", self._clock.pinned()))
