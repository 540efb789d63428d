"""The workers of the memory backend."""

from __future__ import annotations

from soniq.backends.memory.rows import worker as worker_of
from soniq.backends.memory.tables import Tables, WorkerRow
from soniq.backends.times import later
from soniq.backends.worker_contract import Renewal, Silence, Vitals, WorkerIdentity
from soniq.clock import Clock
from soniq.job import Worker


class MemoryWorkerStore:
    """Who is alive, by leases that the app's clock ends."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def register(self, worker: WorkerIdentity, *, lease: float) -> None:
        """Write or rewrite the worker's row; it is alive for ``lease`` seconds from now."""
        with self._tables.lock:
            now = self._clock.now()
            row = self._tables.workers.get(worker.id) or WorkerRow(worker, now, now, now)
            row.identity, row.renewed_at, row.expires_at = worker, now, later(now, lease)
            self._tables.workers[worker.id] = row

    async def renew(
        self, worker_id: str, *, lease: float, vitals: Vitals | None = None
    ) -> Renewal | None:
        """Prolong the lease to ``lease`` seconds from now; None if the row is gone."""
        with self._tables.lock:
            row = self._tables.workers.get(worker_id)
            if row is None:
                return None
            row.renewed_at = self._clock.now()
            row.expires_at = later(row.renewed_at, lease)
            row.vitals = row.vitals if vitals is None else vitals
            return Renewal(len(self._tables.workers) - 1, row.wish)

    async def ask(self, worker_id: str, wish: str | None) -> bool:
        """Ask a worker to be quiet, to stop, or to go on; tell whether it is there."""
        with self._tables.lock:
            row = self._tables.workers.get(worker_id)
            if row is not None and row.wish != "stop":
                row.wish = wish
            return row is not None

    async def silent(self) -> list[Silence]:
        """Return nothing: a process takes its workers' rows with it."""
        return []

    async def expire(self, silence: Silence) -> bool:  # noqa: ARG002
        """Refuse: none of these workers can have gone silent."""
        return False

    async def leave(self, worker_id: str) -> None:
        """Delete the worker's row."""
        with self._tables.lock:
            self._tables.workers.pop(worker_id, None)

    async def find(self) -> list[Worker]:
        """Return all rows, oldest start first."""
        with self._tables.lock:
            now = self._clock.now()
            found = [worker_of(row, now) for row in self._tables.workers.values()]
        return sorted(found, key=lambda worker: (worker.started_at, worker.id))

    async def prune(self) -> int:
        """Delete rows whose lease has run out and that no PROCESSING job names."""
        with self._tables.lock:
            now = self._clock.now()
            busy = {self._tables.jobs[job_id].worker_id for job_id in self._tables.processing}
            gone = [
                worker_id
                for worker_id in self._tables.workers
                if worker_id not in busy and not self._tables.alive(worker_id, now)
            ]
            for worker_id in gone:
                del self._tables.workers[worker_id]
            return len(gone)
