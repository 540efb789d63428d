"""The queues that are paused, in PostgreSQL."""

from __future__ import annotations

from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.clock import Clock
from soniq.outcome import storable
from soniq.standing import Pause


class PostgresQueues:
    """The table ``soniq_paused_queues``: claims look into it, so a commit here is all it takes."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def pause(self, queue: str, *, by: str, reason: str = "") -> bool:
        """Let no claim that begins from now on take a job of the queue; False: it was paused."""
        now = self._clock.pinned()
        (record,) = await self._db.fetch_once("queues/pause", now, queue, by, storable(reason))
        return bool(record["fresh"])

    async def resume(self, queue: str) -> bool:
        """Let the queue be claimed from again; tell whether it was paused."""
        return bool(await self._db.fetch_once("queues/resume", queue))

    async def paused(self) -> list[Pause]:
        """Return all pauses, sorted by queue."""
        records = await self._db.fetch("queues/paused")
        # Sorted here, so that the database's collation has no say.
        return sorted(map(rows.pause, records), key=lambda pause: pause.queue)
