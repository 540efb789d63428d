"""Short ways to put jobs and workers into a backend and to move them about."""

from __future__ import annotations

from datetime import datetime

from soniq.backends.contract import Backend, Queues
from soniq.backends.worker_contract import WorkerIdentity
from soniq.clock import Clock
from soniq.job import ClaimedJob, DeadLetter, Job, NewJob
from soniq.outcome import Bury, Failure, Outcome, Reason, Settlement

WORKER = "00000000-0000-4000-8000-00000000000a"
OTHER = "00000000-0000-4000-8000-00000000000b"
NOBODY = "00000000-0000-4000-8000-000000000fff"
OOPS = Failure("ValueError: oops", "Traceback: line 1")


def new_job(
    clock: Clock,
    name: str = "mail.send",
    *,
    id: str | None = None,  # noqa: A002 - the field's name
    queue: str = "default",
    priority: int = 100,
    args: str = "{}",
    max_attempts: int = 4,
    scheduled_at: datetime | None = None,
    delay: float = 0.0,
    key: str | None = None,
    headers: str | None = None,
) -> NewJob:
    """Return a job to insert, plain in everything that the test does not care about."""
    return NewJob(
        id=id or clock.new_id(),
        job_name=name,
        queue=queue,
        priority=priority,
        args=args,
        max_attempts=max_attempts,
        scheduled_at=scheduled_at,
        delay=delay,
        unique_key=key,
        headers=headers,
    )


async def insert(backend: Backend, *jobs: NewJob) -> list[str]:
    """Insert the jobs in one call and return the ids that stand for them."""
    return await backend.jobs.insert(jobs)


async def claim(
    backend: Backend, *, limit: int = 100, worker: str = WORKER, queues: Queues = None
) -> list[ClaimedJob]:
    """Claim whatever is due."""
    return await backend.jobs.claim(queues, limit=limit, worker=worker)


async def claimed_job(backend: Backend, job: NewJob, *, worker: str = WORKER) -> ClaimedJob:
    """Insert a job, claim it, and return the claim; nothing else may be due."""
    await insert(backend, job)
    [claimed] = await claim(backend, worker=worker)
    return claimed


async def settle(
    backend: Backend, job: ClaimedJob, outcome: Outcome, *, worker: str = WORKER
) -> bool:
    """Settle one claim; tell whether the worker still owned it."""
    owned = await backend.jobs.settle([Settlement(job, outcome)], worker=worker)
    assert owned <= {job.id}
    return bool(owned)


async def buried(
    backend: Backend, job: NewJob, reason: Reason = Reason.MAX_RETRIES_EXCEEDED
) -> DeadLetter:
    """Insert, claim and bury a job; return its record."""
    claimed = await claimed_job(backend, job)
    assert await settle(backend, claimed, Bury(reason, OOPS))
    return await letter(backend, job.id)


async def register(
    backend: Backend,
    worker: str = WORKER,
    *,
    lease: float = 30.0,
    tasks: tuple[str, ...] = ("mail.send",),
    queues: Queues = None,
) -> WorkerIdentity:
    """Register a worker and return what it said of itself."""
    identity = WorkerIdentity(worker, "host-1", 4711, queues, 10, tasks)
    await backend.workers.register(identity, lease=lease)
    return identity


async def look(backend: Backend, job_id: str) -> Job:
    """Return a job that must be there."""
    job = await backend.jobs.get(job_id)
    assert job is not None
    return job


async def letter(backend: Backend, job_id: str) -> DeadLetter:
    """Return a dead letter that must be there."""
    found = await backend.dead_letters.get(job_id)
    assert found is not None
    return found


async def keys(backend: Backend) -> list[str | None]:
    """Return the unique keys of all jobs, sorted, those without one first."""
    jobs = await backend.jobs.find(limit=1000)
    return sorted((job.unique_key for job in jobs), key=lambda key: (key is not None, key))
