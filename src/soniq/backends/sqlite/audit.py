"""What people did, in a SQLite file."""

from __future__ import annotations

from soniq.backends.ids import canonical
from soniq.backends.operator_contract import NewAuditEntry
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import audit_entry, text
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.history import AuditEntry


class SqliteAuditStore:
    """The table ``soniq_audit``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def note(self, entry: NewAuditEntry) -> None:
        """Write an entry, with the time by the app's clock."""
        facts = {
            "id": entry.id,
            "at": text(self._clock.now()),
            "actor": entry.actor,
            "action": entry.action,
            "target": entry.target,
            "detail": entry.detail,
        }
        await self._database.write(lambda connection: connection.execute(sql("audit/note"), facts))

    async def find(self, *, limit: int = 100, before: str | None = None) -> list[AuditEntry]:
        """Return entries, the latest first, older than the entry ``before``."""
        start = None if before is None else canonical(before)
        if before is not None and start is None:
            return []
        wanted = {"before": start, "limit": limit}
        records = await self._database.read(
            lambda connection: connection.execute(sql("audit/find"), wanted).fetchall()
        )
        return [audit_entry(record) for record in records]

    async def prune(self, *, older_than: float) -> int:
        """Delete entries older than that many seconds; return how many."""
        before = text(later(self._clock.now(), -older_than))
        return await self._database.write(
            lambda connection: connection.execute(sql("audit/prune"), {"before": before}).rowcount
        )
