"""What people did, in PostgreSQL."""

from __future__ import annotations

from soniq.backends.ids import canonical
from soniq.backends.operator_contract import NewAuditEntry
from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.clock import Clock
from soniq.history import AuditEntry


class PostgresAudit:
    """The table ``soniq_audit``; each method is one statement."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def note(self, entry: NewAuditEntry) -> None:
        """Write an entry, with the time by the database's clock."""
        facts = (entry.id, entry.actor, entry.action, entry.target, entry.detail)
        await self._db.fetch("audit/note", self._clock.pinned(), *facts)

    async def find(self, *, limit: int = 100, before: str | None = None) -> list[AuditEntry]:
        """Return entries, the latest first, older than the entry ``before``."""
        start = None if before is None else canonical(before)
        if before is not None and start is None:
            return []
        records = await self._db.fetch("audit/find", start, limit)
        return [rows.audit_entry(record) for record in records]

    async def prune(self, *, older_than: float) -> int:
        """Delete entries older than that many seconds; return how many."""
        now, age = self._clock.pinned(), rows.within_calendar(older_than)
        (record,) = await self._db.fetch("audit/prune", now, age)
        return int(record["pruned"])
