"""Short ways to run jobs and to look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from soniq import Soniq
from soniq.job import DeadLetter, Job
from soniq.worker.worker import WorkerReport

PATIENCE = 20.0


async def run_all(
    app: Soniq, *, concurrency: int | None = None, queues: Sequence[str] | None = None
) -> WorkerReport:
    """Run all that is due in this process, and report."""
    async with asyncio.timeout(PATIENCE):
        return await app.run_worker(concurrency=concurrency, queues=queues, run_once=True)


async def job_of(app: Soniq, job_id: str) -> Job:
    """Return the job, which must be there."""
    job = await app.get_job(job_id)
    assert job is not None, f"job {job_id} is gone"
    return job


async def dead_letter_of(app: Soniq, job_id: str) -> DeadLetter:
    """Return the dead letter, which must be there."""
    letter = await app.dead_letter.get(job_id)
    assert letter is not None, f"job {job_id} is not in the dead letters"
    return letter


async def until(fact: Callable[[], Awaitable[bool]], *, patience: float = PATIENCE) -> None:
    """Return as soon as ``fact()`` is true; TimeoutError after ``patience`` seconds."""
    async with asyncio.timeout(patience):
        while not await fact():  # noqa: ASYNC110 - facts in a database ring no bell
            await asyncio.sleep(0.01)
