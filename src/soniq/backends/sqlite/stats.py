"""Numbers over the tables of a SQLite file."""

from __future__ import annotations

from soniq.backends.counts import by_queue
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.queries import sql


class SqliteStatsStore:
    """How many jobs there are, by queue and state."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, cancelled, dead_letter."""
        records = await self._database.read(
            lambda connection: connection.execute(sql("stats/queues")).fetchall()
        )
        return by_queue(records)
