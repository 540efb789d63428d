"""The queues that are paused, of the memory backend."""

from __future__ import annotations

from soniq.backends.memory.tables import Tables
from soniq.clock import Clock
from soniq.outcome import storable
from soniq.standing import Pause


class MemoryQueuesStore:
    """Pauses are frozen values: a change puts another in its place."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def pause(self, queue: str, *, by: str, reason: str = "") -> bool:
        """Let no claim that begins from now on take a job of the queue; False: it was paused."""
        with self._tables.lock:
            before = self._tables.paused.get(queue)
            since = before.paused_at if before else self._clock.now()
            self._tables.paused[queue] = Pause(queue, since, by, storable(reason))
            return before is None

    async def resume(self, queue: str) -> bool:
        """Let the queue be claimed from again; tell whether it was paused."""
        with self._tables.lock:
            return self._tables.paused.pop(queue, None) is not None

    async def paused(self) -> list[Pause]:
        """Return all pauses, sorted by queue."""
        with self._tables.lock:
            return [self._tables.paused[queue] for queue in sorted(self._tables.paused)]
