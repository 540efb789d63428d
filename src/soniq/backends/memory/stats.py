"""Numbers over the tables of the memory backend."""

from __future__ import annotations

from collections import Counter

from soniq.backends.counts import by_queue
from soniq.backends.memory.tables import Tables


class MemoryStatsStore:
    """How many jobs there are, by queue and state."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, cancelled, dead_letter."""
        with self._tables.lock:
            counted = Counter((row.queue, str(row.status)) for row in self._tables.jobs.values())
            counted.update(
                (row.job.queue, "dead_letter") for row in self._tables.dead_letters.values()
            )
        return by_queue((*kind, number) for kind, number in counted.items())
