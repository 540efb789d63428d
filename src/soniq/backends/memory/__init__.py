"""Jobs in the memory of one process: gone when it ends, otherwise no kinder than a database."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from soniq.backends.contract import JobStore, Migration, Wakeups
from soniq.backends.memory.audit import MemoryAuditStore
from soniq.backends.memory.dead_letters import MemoryDeadLetterStore
from soniq.backends.memory.jobs import MemoryJobStore
from soniq.backends.memory.queues import MemoryQueuesStore
from soniq.backends.memory.schedules import MemoryScheduleStore
from soniq.backends.memory.stats import MemoryStatsStore
from soniq.backends.memory.tables import Tables
from soniq.backends.memory.wakeups import MemoryWakeups
from soniq.backends.memory.workers import MemoryWorkerStore
from soniq.backends.operator_contract import (
    AuditStore,
    DeadLetterStore,
    QueueStore,
    StatsStore,
)
from soniq.backends.refusals import refuse_acquire
from soniq.backends.schedule_contract import ScheduleStore
from soniq.backends.worker_contract import Lifeline, WorkerStore
from soniq.clock import Clock


class MemoryBackend:
    """A handle to ``tables``; to new, empty ones where none are given."""

    name = "memory"

    def __init__(self, clock: Clock, tables: Tables | None = None, *, rollups: bool = True) -> None:
        self._clock = clock
        self._tables = tables or Tables(counting=rollups)
        self.jobs: JobStore = MemoryJobStore(self._tables, clock)
        self.schedules: ScheduleStore = MemoryScheduleStore(self._tables, clock)
        self.dead_letters: DeadLetterStore = MemoryDeadLetterStore(self._tables, clock)
        self.workers: WorkerStore = MemoryWorkerStore(self._tables, clock)
        self.queues: QueueStore = MemoryQueuesStore(self._tables, clock)
        self.audit: AuditStore = MemoryAuditStore(self._tables, clock)
        self.stats: StatsStore = MemoryStatsStore(self._tables, clock)
        self.wakeups: Wakeups = MemoryWakeups(self._tables.bells)

    async def open(self) -> None:
        """Do nothing: the tables are there."""

    async def close(self) -> None:
        """Do nothing: the tables live as long as a handle to them."""

    def forget(self) -> None:
        """Do nothing: nothing here belongs to an event loop."""

    async def setup(self) -> list[Migration]:
        """Return nothing: there is no schema to bring up to date."""
        return []

    async def migrations(self) -> list[Migration]:
        """Return nothing: there is no schema."""
        return []

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Refuse: there is no connection.

        Raises:
            UnsupportedByBackend: always.
        """
        refuse_acquire(self.name)

    def sibling(self, lifeline: Lifeline | None = None) -> MemoryBackend:  # noqa: ARG002
        """Return another handle to the same tables, for another thread and event loop.

        No lock is needed: when the process ends, so do the tables.
        """
        return MemoryBackend(self._clock, self._tables)
