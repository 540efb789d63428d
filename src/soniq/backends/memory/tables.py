"""The rows of the memory backend, and the orders in which they are looked for.

Every store method holds ``Tables.lock`` for its whole length: that is its transaction. It checks
first and writes afterwards, so that nothing is left half done by an error.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from soniq.backends.bells import Bells
from soniq.backends.operator_contract import NewAuditEntry
from soniq.backends.worker_contract import Vitals, WorkerIdentity
from soniq.history import Group, PastAttempt, Tally
from soniq.job import JobStatus
from soniq.outcome import Failure, storable
from soniq.schedule import Fired, Schedule
from soniq.standing import Pause

Place = tuple[datetime, str]  # scheduled_at or finished_at, and id


@dataclass(slots=True)
class JobRow:
    """A row of the jobs. JSON stays text: each reader parses it anew."""

    id: str
    job_name: str
    queue: str
    priority: int
    args: str
    max_attempts: int
    scheduled_at: datetime
    created_at: datetime
    unique_key: str | None = None
    status: JobStatus = JobStatus.QUEUED
    attempts: int = 0
    fence: int = 0
    crashes: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker_id: str | None = None
    result: str | None = None
    result_error: str | None = None
    last_error: str | None = None
    last_traceback: str | None = None
    cancel_requested: bool = False
    isolated_fence: int = 0
    headers: str | None = None


@dataclass(slots=True)
class DeadRow:
    """A row of the dead letters: the job as it ended, and why."""

    job: JobRow
    reason: str
    finished_at: datetime
    resurrection_count: int = 0
    resurrected_at: datetime | None = None


@dataclass(slots=True)
class WorkerRow:
    """A row of the workers."""

    identity: WorkerIdentity
    started_at: datetime
    renewed_at: datetime
    expires_at: datetime
    wish: str | None = None
    vitals: Vitals = field(default_factory=Vitals)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A row of what people did."""

    entry: NewAuditEntry
    at: datetime


@dataclass(slots=True)
class Tables:
    """All rows of one memory database, shared by the handles on it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    bells: Bells = field(default_factory=Bells)
    jobs: dict[str, JobRow] = field(default_factory=dict[str, JobRow])
    dead_letters: dict[str, DeadRow] = field(default_factory=dict[str, DeadRow])
    workers: dict[str, WorkerRow] = field(default_factory=dict[str, WorkerRow])
    processing: set[str] = field(default_factory=set[str])
    holders: dict[str, str] = field(default_factory=dict[str, str])
    waiting: dict[str, dict[int, list[Place]]] = field(
        default_factory=dict[str, dict[int, list[Place]]]
    )
    paused: dict[str, Pause] = field(default_factory=dict[str, Pause])
    schedules: dict[str, Schedule] = field(default_factory=dict[str, Schedule])
    ticks: dict[str, dict[datetime, Fired]] = field(
        default_factory=dict[str, dict[datetime, Fired]]
    )
    ended: list[Place] = field(default_factory=list[Place])
    # By job and fence.
    attempts: dict[str, dict[int, PastAttempt]] = field(
        default_factory=dict[str, dict[int, PastAttempt]]
    )
    tallies: dict[datetime, dict[Group, Tally]] = field(
        default_factory=dict[datetime, dict[Group, Tally]]
    )
    audit: dict[str, AuditRow] = field(default_factory=dict[str, AuditRow])
    counting: bool = True

    def enqueue(self, row: JobRow) -> None:
        """Make the row QUEUED; it gives up its key where another QUEUED job holds it."""
        row.status = JobStatus.QUEUED
        row.worker_id = None
        self.processing.discard(row.id)
        self.jobs[row.id] = row
        if row.unique_key is not None and self.holders.setdefault(row.unique_key, row.id) != row.id:
            row.unique_key = None
        self.line_up(row)

    def put_back(self, row: JobRow, now: datetime) -> None:
        """Make a PROCESSING row QUEUED, or CANCELLED where an operator has wished so.

        Either way it gives up its key where another QUEUED job holds it.
        """
        if row.cancel_requested:
            row.worker_id = None
            if row.unique_key in self.holders:
                row.unique_key = None
            self.end(row, JobStatus.CANCELLED, now)
        else:
            self.enqueue(row)

    def line_up(self, row: JobRow) -> None:
        """Give a QUEUED row its place among those that wait."""
        level = self.waiting.setdefault(row.queue, {}).setdefault(row.priority, [])
        heapq.heappush(level, (row.scheduled_at, row.id))

    def take(self, row: JobRow, worker: str, now: datetime) -> None:
        """Make a QUEUED row PROCESSING."""
        self._release_key(row)
        self.processing.add(row.id)
        row.status = JobStatus.PROCESSING
        row.attempts += 1
        row.fence += 1
        row.worker_id = worker
        row.started_at = now

    def end(self, row: JobRow, status: JobStatus, now: datetime) -> None:
        """Make the row DONE or CANCELLED."""
        self._release_key(row)
        self.processing.discard(row.id)
        row.status = status
        row.finished_at = now
        heapq.heappush(self.ended, (now, row.id))

    def remove(self, row: JobRow) -> None:
        """Delete the row; what it leaves in the orders is skipped and dropped later."""
        self._release_key(row)
        self.processing.discard(row.id)
        del self.jobs[row.id]

    def bury(self, row: JobRow, reason: str, now: datetime, failure: Failure) -> None:
        """Move the row to the dead letters; an id that is there already gets its latest end."""
        self.remove(row)
        row.last_error = storable(failure.summary)
        row.last_traceback = failure.traceback and storable(failure.traceback)
        before = self.dead_letters.get(row.id)
        if before is None:
            self.dead_letters[row.id] = DeadRow(row, str(reason), now)
            return
        before.job.attempts, before.job.crashes = row.attempts, row.crashes
        before.job.started_at, before.job.worker_id = row.started_at, row.worker_id
        before.job.last_error, before.job.last_traceback = row.last_error, row.last_traceback
        before.reason, before.finished_at = str(reason), now

    def levels(self, queue: str) -> Iterator[tuple[int, list[Place]]]:
        """Yield the priorities of a queue, most urgent first, each with the heap of who waits.

        At the top of each heap is a QUEUED job; places of jobs that have gone are dropped.
        """
        levels = self.waiting.get(queue, {})
        for priority in sorted(levels):
            heap = levels[priority]
            while heap and not self.stands(heap[0], queue, priority):
                heapq.heappop(heap)
            if heap:
                yield priority, heap
            else:
                del levels[priority]

    def stands(self, place: Place, queue: str, priority: int) -> bool:
        """Tell whether a place in a queue still belongs to a QUEUED job."""
        row = self.jobs.get(place[1])
        return (
            row is not None
            and row.status is JobStatus.QUEUED
            and row.scheduled_at == place[0]
            and row.priority == priority
            and row.queue == queue
        )

    def alive(self, worker_id: str | None, now: datetime) -> bool:
        """Tell whether there is such a worker and its lease has not run out."""
        worker = self.workers.get(worker_id or "")
        return worker is not None and worker.expires_at > now

    def _release_key(self, row: JobRow) -> None:
        if row.unique_key is not None and self.holders.get(row.unique_key) == row.id:
            del self.holders[row.unique_key]
