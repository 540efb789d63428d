"""The operator's view of jobs: look, wait, cancel, delete, count."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from soniq.backends.contract import Backend
from soniq.clock import Clock
from soniq.errors import InvalidOption, JobFailed, JobNotFound, WaitTimeout
from soniq.job import Job, JobStatus

FIRST_LOOK = 0.02
LONGEST_LOOK = 0.5
LARGEST_PAGE = 10_000


class Jobs:
    """Reads and changes jobs from outside of any worker."""

    def __init__(
        self, backend: Backend, *, clock: Clock, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._ready = ready

    async def get(self, job_id: str) -> Job | None:
        """Return the job as it stands now, or None."""
        await self._ready()
        return await self._backend.jobs.get(str(job_id))

    async def list(
        self,
        *,
        queue: str | None = None,
        status: JobStatus | str | None = None,
        name: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Job]:
        """Return jobs, newest first.

        Raises:
            InvalidOption: an unknown status, or a limit or offset out of range.
        """
        check_page(limit, offset)
        await self._ready()
        return await self._backend.jobs.find(
            queue=queue, status=read_status(status), name=name, limit=limit, offset=offset
        )

    async def result(self, job_id: str) -> Any:
        """Return what the job's handler returned; None as long as there is nothing."""
        job = await self.get(job_id)
        return job.result if job else None

    async def wait_for(self, job_id: str, timeout: float | None = None) -> Job:
        """Return the job once it is DONE or CANCELLED.

        Raises:
            JobFailed: it ended in the dead letters.
            WaitTimeout: it had not ended after ``timeout`` seconds (None: no limit).
            JobNotFound: there is no such job, or it was deleted or pruned meanwhile.
        """
        started = self._clock.monotonic()
        pause = FIRST_LOOK
        while True:
            job = await self.get(job_id)
            if job is None:
                await self._explain_absence(job_id)
            elif job.status in (JobStatus.DONE, JobStatus.CANCELLED):
                return job
            if timeout is not None and self._clock.monotonic() - started + pause > timeout:
                message = f"Job {job_id} had not ended after {timeout:g} s."
                raise WaitTimeout(message)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_LOOK)

    async def cancel(self, job_id: str) -> bool:
        """Cancel a job that waits or runs; tell whether it did."""
        await self._ready()
        return await self._backend.jobs.cancel(str(job_id))

    async def delete(self, job_id: str) -> bool:
        """Delete a job; tell whether there was one.

        Raises:
            JobProcessing: it is running.
        """
        await self._ready()
        return await self._backend.jobs.delete(str(job_id))

    async def queue_stats(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, dead_letter, cancelled."""
        await self._ready()
        return await self._backend.stats.queues()

    async def _explain_absence(self, job_id: str) -> None:
        dead = await self._backend.dead_letters.get(str(job_id))
        if dead is not None:
            message = f"Job {job_id} is in the dead letters ({dead.reason}): {dead.last_error}"
            raise JobFailed(message, dead)
        message = f"No job {job_id}: wrong id, deleted, or pruned after its result_ttl."
        raise JobNotFound(message)


def read_status(status: JobStatus | str | None) -> JobStatus | None:
    """Return the status that a name stands for; InvalidOption with the known ones otherwise."""
    try:
        return None if status is None else JobStatus(status)
    except ValueError:
        known = ", ".join(JobStatus)
        message = f"status={status!r}: give one of {known} (dead jobs are in app.dead_letter)."
        raise InvalidOption(message) from None


def check_page(limit: int, offset: int) -> None:
    """Refuse a page that no one can mean."""
    if not 1 <= limit <= LARGEST_PAGE or offset < 0:
        message = f"limit={limit}, offset={offset}: give 1 to {LARGEST_PAGE} and 0 or more."
        raise InvalidOption(message)
