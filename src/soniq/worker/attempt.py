"""One run of a claimed job in this worker's hands: where it runs, and what is known of its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from soniq.job import ClaimedJob
from soniq.options import ExecutorName
from soniq.outcome import Cancelled, Interrupted
from soniq.worker.runners import Encoded


@dataclass(slots=True, eq=False)
class Attempt:
    """A job in this worker's hands, which ``task`` carries to its outcome.

    ``stopped``: how it ends because its task was cancelled from outside. ``executor``: where its
    handler runs. ``encoded``: what came of it, where that was encoded there. ``completed``: the
    handler's transaction has made the job DONE already; all that is still to come is a result.
    ``expired``: its handler has run for as long as it may, and was told to end.
    """

    job: ClaimedJob
    stopped: Interrupted | Cancelled | None = None
    executor: ExecutorName = "async"
    encoded: Encoded | None = None
    completed: bool = False
    expired: bool = False
    task: asyncio.Task[None] = field(init=False)

    @property
    def unstoppable(self) -> bool:
        """Whether its handler runs in a thread, where nothing can stop it."""
        return self.executor == "thread"


def about(job: ClaimedJob, worker_id: str) -> dict[str, Any]:
    """Return the fields of a log record about a job, for where it is logged from outside of it."""
    return {
        "job_id": job.id,
        "job_name": job.job_name,
        "attempt": job.attempt,
        "queue": job.queue,
        "worker_id": worker_id,
    }
