"""Workers as rows: who they are, how they do, and what they run. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soniq.job import Job, Worker

# The loop of a healthy worker is late by milliseconds.
LATE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker and the jobs that it runs, the longest-running first."""

    worker: Worker
    jobs: tuple[Job, ...]
    word: str
    look: str

    @property
    def late(self) -> bool:
        """Whether something keeps its event loop from turning."""
        return (self.worker.loop_lag or 0.0) >= LATE_SECONDS


def worker_rows(workers: Sequence[Worker], running: Sequence[Job]) -> list[WorkerRow]:
    """Return a row for every worker: those alive first, the oldest of them on top."""
    rows = [row_of(worker, running) for worker in workers]
    return sorted(rows, key=lambda row: (not row.worker.alive, row.worker.started_at))


def row_of(worker: Worker, running: Sequence[Job]) -> WorkerRow:
    """Return the row of one worker."""
    jobs = tuple(job for job in running if job.worker_id == worker.id)
    if not worker.alive:
        return WorkerRow(worker, jobs, "gone", "bad")
    if worker.wish == "stop":
        return WorkerRow(worker, jobs, "stopping", "warn")
    if worker.wish == "quiet":
        return WorkerRow(worker, jobs, "quiet", "warn")
    return WorkerRow(worker, jobs, "at work" if worker.running or jobs else "idle", "good")


def versions(workers: Sequence[Worker]) -> list[str]:
    """Return the versions that living workers have, sorted; several during a rollout, or worse."""
    return sorted({worker.version for worker in workers if worker.alive and worker.version})


def orphans(workers: Sequence[Worker], running: Sequence[Job]) -> list[Job]:
    """Return the jobs that run by the books, but whose worker has no row."""
    known = {worker.id for worker in workers}
    return [job for job in running if job.worker_id not in known]
