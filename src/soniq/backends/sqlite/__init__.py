"""Jobs in one SQLite file, for any number of processes on one host."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

from soniq.backends.contract import JobStore, Migration, Wakeups
from soniq.backends.migrations import report, scripts
from soniq.backends.operator_contract import (
    AuditStore,
    DeadLetterStore,
    QueueStore,
    StatsStore,
)
from soniq.backends.refusals import refuse_acquire
from soniq.backends.schedule_contract import ScheduleStore
from soniq.backends.sqlite.audit import SqliteAuditStore
from soniq.backends.sqlite.connection import Database, Work
from soniq.backends.sqlite.dead_letters import SqliteDeadLetterStore
from soniq.backends.sqlite.jobs import SqliteJobStore
from soniq.backends.sqlite.locks import WorkerLock
from soniq.backends.sqlite.migrate import migrate, migrations
from soniq.backends.sqlite.queries import FOLDER
from soniq.backends.sqlite.queues import SqliteQueuesStore
from soniq.backends.sqlite.schedules import SqliteScheduleStore
from soniq.backends.sqlite.stats import SqliteStatsStore
from soniq.backends.sqlite.wakeups import SqliteWakeups
from soniq.backends.sqlite.workers import SqliteWorkerStore
from soniq.backends.worker_contract import Lifeline, WorkerStore
from soniq.clock import Clock

T = TypeVar("T")


class SqliteBackend:
    """A handle to the SQLite file at ``path``, which is made on ``open`` where it is missing.

    The app's clock decides what is due: all users of the file are on one host.
    """

    name = "sqlite"

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        rollups: bool = True,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.path = path
        self._rollups = rollups
        self._lock = WorkerLock(path, lifeline.worker_id) if lifeline else None
        self._clock = clock
        self._database = Database(path)
        self.jobs: JobStore = SqliteJobStore(self._database, clock, rollups=rollups)
        self.schedules: ScheduleStore = SqliteScheduleStore(self._database, clock)
        self.dead_letters: DeadLetterStore = SqliteDeadLetterStore(self._database, clock)
        self.workers: WorkerStore = SqliteWorkerStore(self._database, clock, path)
        self.queues: QueueStore = SqliteQueuesStore(self._database, clock)
        self.audit: AuditStore = SqliteAuditStore(self._database, clock)
        self.stats: StatsStore = SqliteStatsStore(self._database, clock)
        self._wakeups = SqliteWakeups(self._database, self.jobs)
        self.wakeups: Wakeups = self._wakeups

    async def open(self) -> None:
        """Open the file and bring its tables up to date. Opening twice is harmless.

        Raises:
            DatabaseUnreachable: the file can't be used; the message says why.
        """
        await self._database.open()
        if self._lock is not None:
            self._lock.take()
        try:
            await self._database.read(self._migrate)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the file and end the thread. Closing twice is harmless."""
        if self._lock is not None:
            self._lock.release()
        self._wakeups.close()
        await self._database.close()

    def forget(self) -> None:
        """Drop a handle that fork() has copied; the thread and its file serve any event loop."""
        self._wakeups.forget()
        self._database.forget()

    async def setup(self) -> list[Migration]:
        """Make the file and bring its tables up to date; return what was applied."""
        return await self._once(self._migrate)

    async def migrations(self) -> list[Migration]:
        """Return all migrations with the time when each was applied; a missing file is not made."""
        if not self.path.exists():
            return report(scripts(FOLDER), {})
        return await self._once(migrations)

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Refuse: a second writer on the file would wait for our own transaction.

        Raises:
            UnsupportedByBackend: always.
        """
        refuse_acquire(self.name)

    def sibling(self, lifeline: Lifeline | None = None) -> SqliteBackend:
        """Return another, unopened handle to the same file, for another thread and event loop."""
        return SqliteBackend(self.path, self._clock, rollups=self._rollups, lifeline=lifeline)

    def _migrate(self, connection: Any) -> list[Migration]:
        return migrate(connection, self._clock.now())

    async def _once(self, work: Work[T]) -> T:
        if self._database.is_open:
            return await self._database.read(work)
        database = Database(self.path)
        await database.open()
        try:
            return await database.read(work)
        finally:
            await database.close()
