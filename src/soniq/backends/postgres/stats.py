"""Numbers over the tables."""

from __future__ import annotations

from soniq.backends.postgres.pool import Database

STATES = ("queued", "processing", "done", "cancelled", "dead_letter")


class PostgresStats:
    """Counts in PostgreSQL."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return the number of jobs per queue and state, and their ``total``; sorted by queue."""
        counts: dict[str, dict[str, int]] = {}
        for record in await self._db.fetch("stats/queues"):
            states = counts.setdefault(record["queue"], dict.fromkeys(STATES, 0))
            states[record["state"]] += record["number"]
        return {
            queue: {"total": sum(states.values()), **states}
            for queue, states in sorted(counts.items())
        }
