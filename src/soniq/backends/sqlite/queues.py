"""The queues that are paused, in a SQLite file."""

from __future__ import annotations

from sqlite3 import Connection

from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import pause as pause_of
from soniq.backends.sqlite.rows import text
from soniq.clock import Clock
from soniq.outcome import storable
from soniq.standing import Pause


class SqliteQueuesStore:
    """The table ``soniq_paused_queues``: claims look into it, so a commit here is all it takes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def pause(self, queue: str, *, by: str, reason: str = "") -> bool:
        """Let no claim that begins from now on take a job of the queue; False: it was paused."""

        def work(connection: Connection) -> bool:
            facts = {
                "queue": queue,
                "now": text(self._clock.now()),
                "by": by,
                "reason": storable(reason),
            }
            before = connection.execute(sql("queues/is_paused"), facts).fetchone()
            connection.execute(sql("queues/pause"), facts)
            return before is None

        return await self._database.write(work)

    async def resume(self, queue: str) -> bool:
        """Let the queue be claimed from again; tell whether it was paused."""

        def work(connection: Connection) -> bool:
            return connection.execute(sql("queues/resume"), {"queue": queue}).rowcount > 0

        return await self._database.write(work)

    async def paused(self) -> list[Pause]:
        """Return all pauses, sorted by queue."""
        records = await self._database.read(
            lambda connection: connection.execute(sql("queues/paused")).fetchall()
        )
        return [pause_of(record) for record in records]
