"""What people did, in PostgreSQL."""

from __future__ import annotations

from soniq.backends.postgres.pool import Database
from soniq.clock import Clock


class PostgresAudit:
    """What people did, in PostgreSQL."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
