"""The operator's view of jobs: look, search, ask why, wait, retry, cancel, delete, count."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from soniq import evidence, paging, why
from soniq.backends.contract import Backend
from soniq.clock import Clock
from soniq.enqueue import Enqueuer
from soniq.errors import (
    InvalidOption,
    JobFailed,
    JobNotFound,
    JobProcessing,
    WaitTimeout,
)
from soniq.follow import Follower
from soniq.history import PastAttempt
from soniq.job import DeadLetter, Job, JobStatus, Row
from soniq.rouse import rouse
from soniq.search import Found, JobSearch, Preview, parse_search
from soniq.why import Why

Told = Callable[[int], None]

FIRST_LOOK = 0.02
LONGEST_LOOK = 0.5
LARGEST_PAGE = 10_000
# How many rows a search looks at for one page, at most: a fraction of a second, whatever is wanted.
WINDOW = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Retried(Row):
    """A job that will run again: ``hastened`` itself, or ``cloned`` or ``replayed`` as another.

    ``job_id``: which job it is that will run.
    """

    job_id: str
    how: Literal["hastened", "cloned", "replayed"]


class Jobs:
    """Reads and changes jobs from outside of any worker."""

    def __init__(
        self,
        backend: Backend,
        enqueuer: Enqueuer,
        *,
        clock: Clock,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._backend = backend
        self._enqueuer = enqueuer
        self._clock = clock
        self._ready = ready

    async def get(self, job_id: str) -> Job | None:
        """Return the job as it stands now, or None."""
        await self._ready()
        return await self._backend.jobs.get(str(job_id))

    async def get_many(self, job_ids: Sequence[str]) -> builtins.list[Job]:
        """Return those of these jobs that there are, in any order, by one statement."""
        await self._ready()
        return await self._backend.jobs.get_many([str(job_id) for job_id in job_ids])

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

    async def search(
        self, search: JobSearch | str, *, limit: int = 50, after: str | None = None
    ) -> Found[Job]:
        """Return up to ``limit`` jobs that match, newest first, after the id ``after``.

        ``search``: conditions, or words as ``parse_search`` takes them. A page may hold fewer jobs
        than match, even none, because as many rows as may be had been looked at: as long as it has
        a ``next``, give that as ``after`` to go on.

        Raises:
            InvalidSearch: a word that means nothing.
            InvalidOption: a limit out of range, or an ``after`` that is no id.
        """
        wanted = read_search(search)
        check_page(limit, 0)
        check_cursor(after)
        await self._ready()
        return await self._backend.jobs.search(wanted, limit=limit, after=after, window=WINDOW)

    async def preview(self, search: JobSearch | str, *, limit: int = 10_000) -> Preview[Job]:
        """Count the jobs that match, and show five: what the ``…_matching`` methods would meet.

        Counts up to ``limit``, and within the newest million jobs: see ``Preview.exact``.

        Raises:
            InvalidSearch: a word that means nothing.
            InvalidOption: a limit below 1.
        """
        if limit < 1:
            message = f"limit={limit}: give 1 or more."
            raise InvalidOption(message)
        return await paging.preview(self._reader(search), limit=limit)

    async def why(self, job_id: str) -> Why:
        """Return why a job is not running, with the proof: see ``soniq.why.Why``.

        Raises:
            JobNotFound: there is neither a job nor a dead letter with that id.
        """
        await self._ready()
        return why.decide(await evidence.gather(self._backend, str(job_id)))

    async def attempts(self, job_id: str) -> builtins.list[PastAttempt]:
        """Return the attempts of a job or dead letter that did not end well, oldest end first.

        At most the latest 50.
        """
        await self._ready()
        return await self._backend.jobs.attempts(str(job_id))

    async def follower(self, search: JobSearch | str = "") -> Follower:
        """Return what tells, look by look, which jobs that match have started and ended.

        ``await follower.look()`` gives the changes since the last look, the first one none.

        Raises:
            InvalidSearch: a word that means nothing.
        """
        await self._ready()
        return Follower(self._backend, read_search(search))

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

    async def retry(self, job_id: str) -> Retried:
        """Let a job run again, now.

        One that is scheduled, or waits for its next attempt, becomes due; of one that is done or
        cancelled a clone is enqueued; a dead letter is replayed.

        Raises:
            JobNotFound: there is neither a job nor a dead letter with that id.
            InvalidOption: it is due already, or running.
        """
        original = await self._original(job_id)
        if isinstance(original, DeadLetter):
            new_id = self._clock.new_id()
            if not await self._backend.dead_letters.replay(original.id, new_id=new_id):
                raise absent(job_id)
            await rouse(self._backend.wakeups, [original.queue])
            return Retried(new_id, "replayed")
        if original.finished_at is not None:
            return Retried(await self._enqueuer.enqueue_alike(original), "cloned")
        if original.status is JobStatus.QUEUED and await self._backend.jobs.hasten(original.id):
            await rouse(self._backend.wakeups, [original.queue])
            return Retried(original.id, "hastened")
        state = "runs" if original.status is JobStatus.PROCESSING else "is due"
        message = (
            f"Job {job_id} {state} already, so there is nothing to retry: app.jobs.why() tells "
            "what it waits for."
        )
        raise InvalidOption(message)

    async def clone(self, job_id: str, *, args: Mapping[str, Any] | None = None) -> str:
        """Enqueue a job like this one, also from a dead letter, and return its id.

        It has the same task, queue, priority and number of attempts, is due now and has no unique
        key. ``args`` replace the arguments as a whole; where the task is known to this app, they
        are checked as in a worker.

        Raises:
            JobNotFound: there is neither a job nor a dead letter with that id.
            TypeError, InvalidArguments, TaskArgumentsInvalid: ``args`` do not fit.
        """
        return await self._enqueuer.enqueue_alike(await self._original(job_id), args)

    async def cancel_matching(self, search: JobSearch | str, *, told: Told | None = None) -> int:
        """Cancel all jobs that match and have not ended, newest first; return how many.

        Jobs that are enqueued meanwhile are not touched. ``told`` hears after every page how many
        it were so far.
        """

        async def cancel(job: Job) -> bool:
            return job.finished_at is None and await self._backend.jobs.cancel(job.id)

        return await paging.act_on_all(self._reader(search), cancel, told=told)

    async def retry_matching(
        self, search: JobSearch | str, *, told: Told | None = None, first: int | None = None
    ) -> int:
        """Retry all jobs that match, newest first, or the ``first`` so many; return how many.

        Those that are due or running are left alone.
        """

        async def retry(job: Job) -> bool:
            try:
                await self.retry(job.id)
            except (InvalidOption, JobNotFound):
                return False
            return True

        return await paging.act_on_all(self._reader(search), retry, told=told, first=first)

    async def delete_matching(self, search: JobSearch | str, *, told: Told | None = None) -> int:
        """Delete all jobs that match, newest first, but those that run; return how many."""

        async def delete(job: Job) -> bool:
            try:
                return await self._backend.jobs.delete(job.id)
            except JobProcessing:
                return False

        return await paging.act_on_all(self._reader(search), delete, told=told)

    async def queue_stats(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, dead_letter, cancelled.

        Counts every row, so the numbers are exact, and cost seconds where there are millions:
        ``app.queues.list()`` tells in milliseconds how the queues stand.
        """
        await self._ready()
        return await self._backend.stats.queues()

    def _reader(self, search: JobSearch | str) -> paging.Reader[Job]:
        wanted = read_search(search)

        async def read(limit: int, after: str | None) -> Found[Job]:
            await self._ready()
            return await self._backend.jobs.search(wanted, limit=limit, after=after)

        return read

    async def _original(self, job_id: str) -> Job | DeadLetter:
        await self._ready()
        key = str(job_id)
        found = await self._backend.jobs.get(key) or await self._backend.dead_letters.get(key)
        if found is None:
            raise absent(job_id)
        return found

    async def _explain_absence(self, job_id: str) -> None:
        dead = await self._backend.dead_letters.get(str(job_id))
        if dead is not None:
            message = f"Job {job_id} is in the dead letters ({dead.reason}): {dead.last_error}"
            raise JobFailed(message, dead)
        raise absent(job_id)


def absent(job_id: str) -> JobNotFound:
    """Return the error for an id that nothing has."""
    return JobNotFound(f"No job {job_id}: wrong id, deleted, or pruned after its result_ttl.")


def read_search(search: JobSearch | str) -> JobSearch:
    """Return the conditions that are given, or spelled."""
    return parse_search(search) if isinstance(search, str) else search


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


def check_cursor(after: str | None) -> None:
    """Refuse to go on after what is no id."""
    try:
        if after is not None:
            UUID(after)
    except (ValueError, AttributeError, TypeError):
        message = f"after={after!r} is no id: give the `next` of the page before."
        raise InvalidOption(message) from None
