"""All that the checks look at, gathered once. Pure data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from soniq.backends.contract import Migration
from soniq.backends.operator_contract import DatabaseFacts, TableFacts
from soniq.figures import Figures
from soniq.job import Worker
from soniq.schedule import Schedule
from soniq.settings import Settings
from soniq.standing import QueueStanding

# The looks of a backend whose facts have other names than the look.
LOOKS = {
    "unlogged_tables": "tables",
    "unattended_tables": "tables",
    "invalid_indexes": "indexes",
    "missing_indexes": "indexes",
    "soniq_connections": "connections",
    "xid_age": "ages",
    "collation_version": "collation",
    "collation_actual_version": "collation",
}
NOT_READY = "the schema is not ready, so that nothing was read from the tables"


class Unknown(Exception):
    """What a check wants to know is not known; the text says why."""


@dataclass(frozen=True, slots=True)
class Case:
    """An installation as it stands.

    ``version``: of this Soniq; ``backend``: ``postgres``, ``sqlite`` or ``memory``. ``strangers``:
    environment variables that look like settings and are none. ``looks``: what was read from the
    database, by the names of the properties below; in place of what could not be read stands an
    ``Unknown``. The properties raise it.
    """

    version: str
    backend: str
    settings: Settings
    migrations: Sequence[Migration] = ()
    strangers: Sequence[str] = ()
    looks: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def database(self) -> DatabaseFacts:
        """What is known of the database itself."""
        found: DatabaseFacts = self._seen("database")
        return found

    @property
    def workers(self) -> Sequence[Worker]:
        """The registered workers."""
        found: Sequence[Worker] = self._seen("workers")
        return found

    @property
    def standings(self) -> Sequence[QueueStanding]:
        """How the queues stand."""
        found: Sequence[QueueStanding] = self._seen("standings")
        return found

    @property
    def unserved(self) -> Mapping[str, float]:
        """The queues that no living worker serves, and for how long jobs there have been due."""
        found: Mapping[str, float] = self._seen("unserved")
        return found

    @property
    def unknown(self) -> Mapping[str, datetime]:
        """Tasks of due jobs that no living worker knows, and since when the first one is due."""
        found: Mapping[str, datetime] = self._seen("unknown")
        return found

    @property
    def schedules(self) -> Sequence[Schedule]:
        """All schedules."""
        found: Sequence[Schedule] = self._seen("schedules")
        return found

    @property
    def last_hour(self) -> Mapping[str, Figures]:
        """What has become of attempts in the last hour, by queue."""
        found: Mapping[str, Figures] = self._seen("last_hour")
        return found

    @property
    def living(self) -> list[Worker]:
        """The workers whose lease runs."""
        return [worker for worker in self.workers if worker.alive]

    @property
    def tables(self) -> Sequence[TableFacts]:
        """What is known of the tables, of which there are always some."""
        if not self.database.tables:
            self.fact("tables")  # raises, with the reason
        return self.database.tables

    def fact(self, name: str) -> Any:
        """Return a fact about the database.

        Raises:
            Unknown: it is not known; the text says why.
        """
        facts = self.database.facts
        if name in facts:
            return facts[name]
        hidden: Mapping[str, str] = facts.get("hidden", {})
        raise Unknown(hidden.get(LOOKS.get(name, name)) or f"this database does not tell {name}")

    def ago(self, moment: datetime) -> timedelta:
        """Return how long ago a moment was, by the database's clock."""
        return self.database.now - moment

    def _seen(self, name: str) -> Any:
        found = self.looks.get(name, Unknown(NOT_READY))
        if isinstance(found, Unknown):
            raise found
        return found
