"""The queues that are paused, of the memory backend."""

from __future__ import annotations

from soniq.backends.memory.tables import Tables
from soniq.clock import Clock


class MemoryQueuesStore:
    """The queues that are paused, of the memory backend."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock
