"""The dead letters of the memory backend."""

from __future__ import annotations

import heapq
from collections import Counter

from soniq.backends.filters import is_possible
from soniq.backends.memory import history
from soniq.backends.memory.filters import matcher, walk
from soniq.backends.memory.rows import burial, dead_letter
from soniq.backends.memory.tables import DeadRow, JobRow, Tables
from soniq.backends.operator_contract import COUNTED, Burial
from soniq.backends.times import later
from soniq.clock import Clock
from soniq.job import DeadLetter
from soniq.search import Found, JobSearch


class MemoryDeadLetterStore:
    """Jobs that will not run again by themselves."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
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
        with self._tables.lock:
            found = [
                row
                for row in self._matching(queue, name)
                if reason in {None, row.reason} and replayed in {None, row.resurrection_count > 0}
            ]
            found.sort(key=lambda row: (row.finished_at, row.job.id), reverse=True)
            return [dead_letter(row) for row in found[offset : offset + limit]]

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[DeadLetter]:
        """Return up to ``limit`` dead letters that match, newest job first."""
        if search.status is not None or not is_possible(search):
            return Found([], 0, None)
        with self._tables.lock:
            letters = self._tables.dead_letters
            fits = matcher(search, self._clock.now())

            def matches(key: str) -> bool:
                row = letters[key]
                return search.reason in {None, row.reason} and fits(row.job)

            ids, looked_at, following = walk(letters, matches, limit, after, window)
            return Found([dead_letter(letters[key]) for key in ids], looked_at, following)

    async def burials(self, *, limit: int = 10_000) -> list[Burial]:
        """Return the latest burials, the last one first, errors cut to 500 characters."""
        with self._tables.lock:
            return [burial(row) for row in self._latest(limit)]

    async def get(self, job_id: str) -> DeadLetter | None:
        """Return the dead letter that has the original job's id, or None."""
        with self._tables.lock:
            row = self._tables.dead_letters.get(job_id)
            return dead_letter(row) if row else None

    async def replay(self, job_id: str, *, new_id: str, once: bool = False) -> bool:
        """Queue the dead letter again as job ``new_id``, due now; False if there is none to."""
        with self._tables.lock:
            row = self._tables.dead_letters.get(job_id)
            if row is None or (once and row.resurrection_count):
                return False
            if new_id in self._tables.jobs:
                message = f"There is a job {new_id} already: give the replayed one a fresh id."
                raise ValueError(message)
            now = self._clock.now()
            fresh = JobRow(
                id=new_id,
                job_name=row.job.job_name,
                queue=row.job.queue,
                priority=row.job.priority,
                args=row.job.args,
                max_attempts=row.job.max_attempts,
                scheduled_at=now,
                created_at=now,
                headers=row.job.headers,
            )
            self._tables.enqueue(fresh)
            row.resurrection_count += 1
            row.resurrected_at = now
            return True

    async def delete(self, job_id: str) -> bool:
        """Delete one dead letter; tell whether there was one."""
        with self._tables.lock:
            found = self._tables.dead_letters.pop(job_id, None) is not None
            history.forget(self._tables, job_id)
            return found

    async def purge(
        self, *, older_than: float = 0.0, queue: str | None = None, name: str | None = None
    ) -> int:
        """Delete all that ended more than ``older_than`` seconds ago and match; return how many."""
        with self._tables.lock:
            before = later(self._clock.now(), -older_than)
            gone = [row for row in self._matching(queue, name) if row.finished_at <= before]
            for row in gone:
                del self._tables.dead_letters[row.job.id]
                history.forget(self._tables, row.job.id)
            return len(gone)

    async def count(self) -> list[tuple[str, str, str, int]]:
        """Return (queue, job_name, reason, number) of the latest burials, sorted."""
        with self._tables.lock:
            counted = Counter(
                (row.job.queue, row.job.job_name, str(row.reason)) for row in self._latest(COUNTED)
            )
        return sorted((*kind, number) for kind, number in counted.items())

    def _matching(self, queue: str | None, name: str | None) -> list[DeadRow]:
        return [
            row
            for row in self._tables.dead_letters.values()
            if queue in {None, row.job.queue} and name in {None, row.job.job_name}
        ]

    def _latest(self, limit: int) -> list[DeadRow]:
        rows = self._tables.dead_letters.values()
        return heapq.nlargest(limit, rows, key=lambda row: (row.finished_at, row.job.id))
