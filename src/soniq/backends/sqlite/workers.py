"""The table ``soniq_workers`` in a SQLite file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from sqlite3 import Connection

from soniq.backends.sqlite import locks
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import json_list, text
from soniq.backends.sqlite.rows import worker as worker_of
from soniq.backends.times import later
from soniq.backends.worker_contract import Renewal, Silence, Vitals, WorkerIdentity
from soniq.clock import Clock
from soniq.job import Worker


class SqliteWorkerStore:
    """Who is alive, by leases that this host's clock ends."""

    def __init__(self, database: Database, clock: Clock, path: Path) -> None:
        self._database = database
        self._path = path
        self._clock = clock

    async def register(self, worker: WorkerIdentity, *, lease: float) -> None:
        """Write or rewrite the worker's row; it is alive for ``lease`` seconds from now."""
        facts: dict[str, str | int | None] = {
            "id": worker.id,
            "hostname": worker.hostname,
            "pid": worker.pid,
            "queues": None if worker.queues is None else json_list(worker.queues),
            "concurrency": worker.concurrency,
            "tasks": json_list(worker.tasks),
            "version": worker.version,
        }
        await self._change("workers/register", facts, lease)

    async def renew(
        self, worker_id: str, *, lease: float, vitals: Vitals | None = None
    ) -> Renewal | None:
        """Prolong the lease to ``lease`` seconds from now; None if the row is gone."""
        known = dict.fromkeys(Vitals._fields) if vitals is None else vitals._asdict()

        def work(connection: Connection) -> Renewal | None:
            facts = {"id": worker_id, **known, **self._times(lease)}
            record = connection.execute(sql("workers/renew"), facts).fetchone()
            return Renewal(*record) if record else None

        return await self._database.write(work)

    async def ask(self, worker_id: str, wish: str | None) -> bool:
        """Ask a worker to be quiet, to stop, or to go on; tell whether it is there."""
        return await self._change("workers/ask", {"id": worker_id, "wish": wish}) > 0

    async def silent(self) -> list[Silence]:
        """Return the workers with a running lease whose lock file nobody holds."""
        return [
            Silence(worker.id, worker.renewed_at)
            for worker in await self.find()
            if worker.alive and locks.is_free(self._path, worker.id)
        ]

    async def expire(self, silence: Silence) -> bool:
        """End the lease of a silent worker now, unless it has renewed or locked meanwhile."""
        if not locks.is_free(self._path, silence.worker_id):
            return False
        facts = {"id": silence.worker_id, "since": text(silence.since)}
        return await self._change("workers/expire", facts) > 0

    async def leave(self, worker_id: str) -> None:
        """Delete the worker's row."""
        await self._change("workers/leave", {"id": worker_id})

    async def find(self) -> list[Worker]:
        """Return all rows, oldest start first."""
        now = text(self._clock.now())
        records = await self._database.read(
            lambda connection: connection.execute(sql("workers/find"), {"now": now}).fetchall()
        )
        return [worker_of(record) for record in records]

    async def prune(self) -> int:
        """Delete rows whose lease has run out and that no PROCESSING job names."""
        pruned = await self._change("workers/prune", {})
        locks.sweep(self._path, keep={worker.id for worker in await self.find()})
        return pruned

    async def _change(
        self, verb: str, facts: Mapping[str, str | int | None], lease: float = 0
    ) -> int:
        def work(connection: Connection) -> int:
            return connection.execute(sql(verb), {**facts, **self._times(lease)}).rowcount

        return await self._database.write(work)

    def _times(self, lease: float) -> dict[str, str]:
        # Told within the transaction: waiting for the lock must not eat into the lease.
        now = self._clock.now()
        return {"now": text(now), "expires_at": text(later(now, lease))}
