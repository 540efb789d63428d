"""What people did, of the memory backend."""

from __future__ import annotations

from soniq.backends.ids import canonical
from soniq.backends.memory.rows import audit_entry
from soniq.backends.memory.tables import AuditRow, Tables
from soniq.backends.operator_contract import NewAuditEntry
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.history import AuditEntry


class MemoryAuditStore:
    """What is written down of what people did."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def note(self, entry: NewAuditEntry) -> None:
        """Write an entry, with the time by the app's clock."""
        with self._tables.lock:
            self._tables.audit.setdefault(entry.id, AuditRow(entry, self._clock.now()))

    async def find(self, *, limit: int = 100, before: str | None = None) -> list[AuditEntry]:
        """Return entries, the latest first, older than the entry ``before``."""
        start = None if before is None else canonical(before)
        if before is not None and start is None:
            return []
        with self._tables.lock:
            found = [key for key in self._tables.audit if start is None or key < start]
            found.sort(reverse=True)
            return [audit_entry(self._tables.audit[key]) for key in found[:limit]]

    async def prune(self, *, older_than: float) -> int:
        """Delete entries older than that many seconds; return how many."""
        with self._tables.lock:
            before = later(self._clock.now(), -older_than)
            gone = [key for key, row in self._tables.audit.items() if row.at <= before]
            for key in gone:
                del self._tables.audit[key]
            return len(gone)
