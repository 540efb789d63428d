"""What every backend offers to those who operate it: a part of ``contract.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from soniq.history import AuditEntry, Rollup
from soniq.job import DeadLetter
from soniq.search import Found, JobSearch
from soniq.standing import Arrivals, Pause, QueueStanding

# How many dead letters are counted for ``DeadLetterStore.count``.
COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """An entry on its way into ``soniq_audit``; ``detail`` is JSON text."""

    id: str
    actor: str
    action: str
    target: str
    detail: str = "{}"


@dataclass(frozen=True, slots=True)
class Burial:
    """What one dead letter died of, in short."""

    id: str
    job_name: str
    queue: str
    reason: str
    error: str | None
    finished_at: datetime
    resurrection_count: int


@dataclass(frozen=True, slots=True)
class TableFacts:
    """One of Soniq's tables: bytes with its indexes and of them alone, rows by the statistics."""

    name: str
    bytes: int
    index_bytes: int
    rows: int
    dead_rows: int
    vacuumed_at: datetime | None = None
    analyzed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What is known of a database. ``facts``: single values by name, as the database has them.

    Which there are is up to the backend; the checks of ``soniq doctor`` skip what is missing.
    """

    backend: str
    version: str
    now: datetime
    tables: tuple[TableFacts, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


class DeadLetterStore(Protocol):
    """The table ``soniq_dead_letter_jobs``."""

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
        """Return dead letters, latest end first (``finished_at`` descending, then id descending).

        ``replayed``: only those that have been replayed at least once (True) or never (False).
        """
        ...

    async def search(
        self, search: JobSearch, *, limit: int, after: str | None = None, window: int = 100_000
    ) -> Found[DeadLetter]:
        """Return up to ``limit`` dead letters that match, newest job first, as ``JobStore.search``.

        ``search.status`` matches none.
        """
        ...

    async def burials(self, *, limit: int = 10_000) -> list[Burial]:
        """Return the latest burials, the last one first, errors cut to 500 characters."""
        ...

    async def get(self, job_id: str) -> DeadLetter | None:
        """Return the dead letter that has the original job's id, or None."""
        ...

    async def replay(self, job_id: str, *, new_id: str, once: bool = False) -> bool:
        """Queue it again as job ``new_id`` with a fresh budget, due now; keep the record.

        Counts ``resurrection_count``. The new job has no unique key and no past attempts: those
        stay with the record. False if there is no such dead letter or, with ``once``, if it was
        replayed before, be it at this very moment by somebody else.
        """
        ...

    async def delete(self, job_id: str) -> bool:
        """Delete one dead letter; tell whether there was one."""
        ...

    async def purge(
        self, *, older_than: float = 0.0, queue: str | None = None, name: str | None = None
    ) -> int:
        """Delete all that ended more than ``older_than`` seconds ago and match; return how many."""
        ...

    async def count(self) -> list[tuple[str, str, str, int]]:
        """Return (queue, job_name, reason, number), sorted.

        No more than the latest 100,000 burials are counted, however many there are.
        """
        ...


class QueueStore(Protocol):
    """The queues that are paused. A queue that nobody pauses has no row."""

    async def pause(self, queue: str, *, by: str, reason: str = "") -> bool:
        """Let no claim that begins from now on take a job of the queue.

        Jobs that run, and the few that a worker has already claimed, are not touched. Pausing again
        replaces author and reason and keeps the time. Tell whether it was not paused before.
        """
        ...

    async def resume(self, queue: str) -> bool:
        """Let the queue be claimed from again; tell whether it was paused."""
        ...

    async def paused(self) -> list[Pause]:
        """Return all pauses, sorted by queue."""
        ...


class AuditStore(Protocol):
    """The table ``soniq_audit``: what people did."""

    async def note(self, entry: NewAuditEntry) -> None:
        """Write an entry, with the time by the database's clock; once, if it is noted again."""
        ...

    async def find(self, *, limit: int = 100, before: str | None = None) -> list[AuditEntry]:
        """Return entries, the latest first (by id, descending), older than the entry ``before``.

        Nothing is older than what is no id.
        """
        ...

    async def prune(self, *, older_than: float) -> int:
        """Delete entries older than that many seconds; return how many."""
        ...


class StatsStore(Protocol):
    """Numbers over the tables."""

    async def standings(self, *, bound: int = 10_000) -> list[QueueStanding]:
        """Return how every queue stands in which jobs wait or run or have died, or that is paused.

        Sorted by queue. However many wait, no more than ``bound`` entries of an index are counted
        for a queue, and fewer where there are many queues (SQLite counts many more):
        beyond that ``due`` and ``later`` are estimates, together no less than was counted, and not
        ``exact``. So it is with dead letters, of which the latest of all queues are counted: one
        that has nothing but older ones may be missing.
        """
        ...

    async def arrivals(self, *, since: datetime, bound: int = 10_000) -> Arrivals:
        """Return how many jobs were enqueued after ``since``, by queue.

        Reads the newest ``bound`` jobs and dead letters by their ids, which begin with the time by
        the clock of the host that made them: jobs of one whose clock is a minute late or more are
        missing. Where so many came, ``Arrivals.since`` is when the first of them did.
        """
        ...

    async def database(self) -> DatabaseFacts:
        """Return what is known of the database itself, for the checks of ``soniq doctor``."""
        ...

    async def queues(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, cancelled, dead_letter (0 where none).

        ``total`` is the sum of the other five. Sorted by queue.
        """
        ...

    async def unserved(self, *, grace: float) -> dict[str, float]:
        """Return the queues that no living worker serves though a job there is due; sorted.

        With each the seconds for which its first job has been due, ``grace`` at least. A paused
        queue is not among them: somebody wants its jobs to wait. A worker that is asked to be quiet
        or to stop serves none. Looks at one job of each priority of each queue, however many wait.
        """
        ...

    async def unknown(self, *, limit: int = 100) -> dict[str, datetime]:
        """Return the tasks of due jobs that no living worker knows, with the first due time.

        Sorted. Looks at the first ``limit`` jobs of each queue in the order of claims, where those
        that nobody can take stay behind; paused queues are left out.
        """
        ...

    async def rollups(
        self,
        *,
        since: datetime,
        until: datetime,
        queue: str | None = None,
        job_name: str | None = None,
        step: float = 60.0,
        by_name: bool = True,
    ) -> list[Rollup]:
        """Return what has become of attempts, step by step, summed over workers; sorted.

        From the minute that ``since`` lies in to the last one that begins before ``until``, by
        steps of whole minutes (``step``: seconds) that are counted from the epoch. ``by_name``:
        those of different names apart; otherwise together, under an empty name.
        """
        ...

    async def roll_up(self, *, limit: int) -> int:
        """Add to the rollups what the ends of attempts have left to be added; return how much.

        ``limit``: how many such tallies to add at most. ``rollups`` tells the same before and
        after. Where counts are added at once there are none.
        """
        ...

    async def prune(self, *, older_than: float) -> int:
        """Delete the rollups of minutes that ended ``older_than`` s ago; return how many rows."""
        ...
