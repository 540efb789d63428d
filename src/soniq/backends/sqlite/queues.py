"""The queues that are paused, in a SQLite file."""

from __future__ import annotations

from soniq.backends.sqlite.connection import Database
from soniq.clock import Clock


class SqliteQueuesStore:
    """The queues that are paused, in a SQLite file."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
