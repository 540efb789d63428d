"""The table ``soniq_dead_letter_jobs``."""

from __future__ import annotations

from soniq.backends.operator_contract import COUNTED, Burial
from soniq.backends.postgres import filters, rows
from soniq.backends.postgres.pool import Database
from soniq.clock import Clock
from soniq.job import DeadLetter
from soniq.search import Found, JobSearch


class PostgresDeadLetters:
    """Dead letters in PostgreSQL; each method is one statement."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def find(
        self,
        *,
        queue: str | None = None,
        name: str | None = None,
        reason: str | None = None,
        replayed: bool | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[DeadLetter]:
        """Return dead letters, latest end first."""
        records = await self._db.fetch(
            "dead_letters/find", queue, name, reason, replayed, limit, offset
        )
        return [rows.dead_letter(record) for record in records]

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[DeadLetter]:
        """Return up to ``limit`` dead letters that match, newest job first."""
        if search.status is not None or not filters.can_begin(search, after):
            return Found([], 0, None)
        place = (self._clock.pinned(), after, window, limit)
        records = await self._db.fetch(
            "dead_letters/search", *place, *filters.parameters(search), search.reason
        )
        return filters.page(records, rows.dead_letter)

    async def burials(self, *, limit: int = 10_000) -> list[Burial]:
        """Return the latest burials, the last one first, errors cut to 500 characters."""
        records = await self._db.fetch("dead_letters/burials", limit)
        return [rows.burial(record) for record in records]

    async def get(self, job_id: str) -> DeadLetter | None:
        """Return the dead letter of that job, or None."""
        records = await self._db.fetch("dead_letters/get", rows.as_uuid(job_id))
        return rows.dead_letter(records[0]) if records else None

    async def replay(self, job_id: str, *, new_id: str, once: bool = False) -> bool:
        """Queue the dead letter again as job ``new_id``; tell whether there was one to replay."""
        now, key = self._clock.pinned(), rows.as_uuid(job_id)
        return bool(await self._db.fetch("dead_letters/replay", now, key, new_id, once))

    async def delete(self, job_id: str) -> bool:
        """Delete one dead letter; tell whether there was one."""
        return bool(await self._db.fetch_once("dead_letters/delete", rows.as_uuid(job_id)))

    async def purge(
        self, *, older_than: float = 0.0, queue: str | None = None, name: str | None = None
    ) -> int:
        """Delete all that ended long enough ago and match; return how many."""
        now, age = self._clock.pinned(), rows.within_calendar(older_than)
        (record,) = await self._db.fetch_once("dead_letters/purge", now, age, queue, name)
        return int(record["purged"])

    async def count(self) -> list[tuple[str, str, str, int]]:
        """Return (queue, job_name, reason, number) of the latest burials, sorted."""
        records = await self._db.fetch("dead_letters/count", COUNTED)
        # Sorted here, so that the database's collation has no say.
        return sorted((r["queue"], r["job_name"], r["reason"], r["number"]) for r in records)
