"""The queues that are paused, in PostgreSQL."""

from __future__ import annotations

from soniq.backends.postgres.pool import Database
from soniq.clock import Clock


class PostgresQueues:
    """The queues that are paused, in PostgreSQL."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
