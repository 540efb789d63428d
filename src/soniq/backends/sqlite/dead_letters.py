"""The table ``soniq_dead_letter_jobs`` in a SQLite file."""

from __future__ import annotations

from sqlite3 import Connection

from soniq.backends.operator_contract import COUNTED, Burial
from soniq.backends.sqlite import filters
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.history import forget
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import burial, dead_letter, text
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.job import DeadLetter
from soniq.search import Found, JobSearch


class SqliteDeadLetterStore:
    """Jobs that will not run again by themselves."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
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
        wanted = {
            "queue": queue,
            "name": name,
            "reason": reason,
            "replayed": replayed,
            "limit": limit,
            "offset": offset,
        }
        records = await self._database.read(
            lambda connection: connection.execute(sql("dead_letters/find"), wanted).fetchall()
        )
        return [dead_letter(record) for record in records]

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[DeadLetter]:
        """Return up to ``limit`` dead letters that match, newest job first."""
        if search.status is not None or not filters.can_begin(search, after):
            return Found([], 0, None)
        wanted = {**filters.parameters(search, self._clock.now()), "reason": search.reason}
        return await filters.walk(
            self._database,
            "dead_letters",
            wanted,
            limit=limit,
            after=after,
            window=window,
            value=dead_letter,
        )

    async def burials(self, *, limit: int = 10_000) -> list[Burial]:
        """Return the latest burials, the last one first, errors cut to 500 characters."""
        records = await self._database.read(
            lambda connection: connection.execute(
                sql("dead_letters/burials"), {"limit": limit}
            ).fetchall()
        )
        return [burial(record) for record in records]

    async def get(self, job_id: str) -> DeadLetter | None:
        """Return the dead letter that has the original job's id, or None."""
        record = await self._database.read(
            lambda connection: connection.execute(
                sql("dead_letters/get"), {"id": job_id}
            ).fetchone()
        )
        return dead_letter(record) if record else None

    async def replay(self, job_id: str, *, new_id: str, once: bool = False) -> bool:
        """Queue the dead letter again as job ``new_id``, due now; False if there is none to."""

        def work(connection: Connection) -> bool:
            facts = {"id": job_id, "new_id": new_id, "now": text(self._clock.now()), "once": once}
            connection.execute(sql("dead_letters/replay"), facts)
            return connection.execute(sql("dead_letters/count_replay"), facts).rowcount > 0

        return await self._database.write(work)

    async def delete(self, job_id: str) -> bool:
        """Delete one dead letter; tell whether there was one."""

        def work(connection: Connection) -> bool:
            found = connection.execute(sql("dead_letters/delete"), {"id": job_id}).rowcount > 0
            forget(connection, [job_id])
            return found

        return await self._database.write(work)

    async def purge(
        self, *, older_than: float = 0.0, queue: str | None = None, name: str | None = None
    ) -> int:
        """Delete all that ended more than ``older_than`` seconds ago and match; return how many."""
        before = text(later(self._clock.now(), -older_than))
        wanted = {"before": before, "queue": queue, "name": name}

        def work(connection: Connection) -> int:
            gone = [job_id for (job_id,) in connection.execute(sql("dead_letters/purge"), wanted)]
            forget(connection, gone)
            return len(gone)

        return await self._database.write(work)

    async def count(self) -> list[tuple[str, str, str, int]]:
        """Return (queue, job_name, reason, number) of the latest burials, sorted."""
        return await self._database.read(
            lambda connection: connection.execute(
                sql("dead_letters/count"), {"limit": COUNTED}
            ).fetchall()
        )
