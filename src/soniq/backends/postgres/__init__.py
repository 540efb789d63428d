"""Jobs in PostgreSQL (14 or later). The only package that knows the driver, asyncpg."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from soniq.backends import migrations
from soniq.backends.contract import Backend, JobStore, Migration, Wakeups
from soniq.backends.operator_contract import (
    AuditStore,
    DeadLetterStore,
    QueueStore,
    StatsStore,
)
from soniq.backends.postgres import migrate
from soniq.backends.postgres.audit import PostgresAudit
from soniq.backends.postgres.dead_letters import PostgresDeadLetters
from soniq.backends.postgres.jobs import PostgresJobs
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.queues import PostgresQueues
from soniq.backends.postgres.schedules import PostgresSchedules
from soniq.backends.postgres.session import FOLDER
from soniq.backends.postgres.stats import PostgresStats
from soniq.backends.postgres.target import Target
from soniq.backends.postgres.wakeups import PostgresWakeups
from soniq.backends.postgres.workers import PostgresWorkers
from soniq.backends.schedule_contract import ScheduleStore
from soniq.backends.worker_contract import Lifeline, WorkerStore
from soniq.clock import Clock
from soniq.settings import Settings

__all__ = ["PostgresBackend"]

# Claims, settles, inserts and the rest overlap; more connections would only queue at the server.
OWN_CONNECTIONS = 4


class PostgresBackend:
    """One PostgreSQL database: the stores, and the way in and out.

    Nothing is ever created implicitly: without the schema ``open`` raises and names the cure.
    """

    name = "postgres"

    def __init__(
        self,
        url: str,
        settings: Settings,
        clock: Clock,
        *,
        connections: int = OWN_CONNECTIONS,
        lifeline: Lifeline | None = None,
    ) -> None:
        self._url = url
        self._settings = settings
        self._clock = clock
        self._db = Database(
            Target.of(url),
            size=connections,
            lend_min=settings.pool_min_size,
            lend_max=settings.pool_max_size,
            rollups=settings.rollups,
            lifeline=lifeline,
        )
        self._wakeups = PostgresWakeups(self._db, clock)
        self.wakeups: Wakeups = self._wakeups
        self._jobs = PostgresJobs(self._db, clock, self._wakeups)
        self.jobs: JobStore = self._jobs
        self.schedules: ScheduleStore = PostgresSchedules(self._db, clock)
        self.dead_letters: DeadLetterStore = PostgresDeadLetters(self._db, clock)
        self.workers: WorkerStore = PostgresWorkers(self._db, clock)
        self.queues: QueueStore = PostgresQueues(self._db, clock)
        self.audit: AuditStore = PostgresAudit(self._db, clock)
        self.stats: StatsStore = PostgresStats(self._db, clock)

    async def open(self) -> None:
        """Connect and check the schema.

        Raises:
            DatabaseUnreachable: nobody answers, or the login was refused.
            SchemaNotReady: database or tables are missing, or older than this version.
        """
        await self._db.open()
        try:
            await self._check_schema()
        except BaseException:
            await self._db.close()
            raise

    async def close(self) -> None:
        """Give back every connection. Closing twice is harmless."""
        await self._jobs.front.close()
        await self._wakeups.close()
        await self._db.close()

    def forget(self) -> None:
        """Drop pools and listener of a dead event loop or of the parent process."""
        self._jobs.front.forget()
        self._wakeups.forget()
        self._db.forget()

    async def setup(self) -> list[Migration]:
        """Create the database if it is missing, apply what is pending, return what was applied."""
        return await migrate.setup(self._db, self._clock)

    async def migrations(self) -> list[Migration]:
        """Return all migrations with the time when each was applied (None: pending)."""
        return await migrate.status(self._db)

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Lend an asyncpg connection from a pool that is the user's alone (``async with``)."""
        return self._db.lend()

    def sibling(self, lifeline: Lifeline | None = None) -> Backend:
        """Return another, unopened handle with one connection, for another thread and loop."""
        return PostgresBackend(
            self._url, self._settings, self._clock, connections=1, lifeline=lifeline
        )

    async def _check_schema(self) -> None:
        records = await self._db.fetch("schema/applied")
        applied = {record["version"]: record["applied_at"] for record in records}
        pending = migrations.pending(migrations.scripts(FOLDER), applied)
        if pending:
            names = ", ".join(f"{script.version:04d}_{script.name}" for script in pending)
            what = f"its schema is older than this Soniq (it lacks {names})"
            raise self._db.target.not_ready(what)
