"""What a handler finds of its run: the facts of its job, and the transaction that completes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from soniq import crashpoints
from soniq.backends.contract import JobStore
from soniq.context import JobContext
from soniq.errors import ClaimLost, TransactionMisused
from soniq.job import ClaimedJob, read_headers
from soniq.outcome import Ending, Interrupted, Raised, Returned, TimedOut
from soniq.outlast import outlast
from soniq.worker.attempt import Attempt

logger = logging.getLogger("soniq.worker")


class OwnRun:
    """What the code of a handler finds as the run that it is in, until ``close``."""

    __slots__ = ("_attempt", "_closed", "_context", "_jobs", "_worker_id", "is_open")

    def __init__(self, jobs: JobStore, attempt: Attempt, worker_id: str) -> None:
        self._jobs = jobs
        self._attempt = attempt
        self._worker_id = worker_id
        self._context: JobContext | None = None
        self._closed = False
        self.is_open = False

    @property
    def context(self) -> JobContext:
        """The facts about the job; made when somebody asks, which few handlers do."""
        if self._context is None:
            self._context = facts(self._attempt.job, self._worker_id)
        return self._context

    def begin(self, context: JobContext) -> AbstractAsyncContextManager[Any]:
        """Return the block.

        Raises:
            TransactionMisused: it can't be had here.
            UnsupportedByBackend: it can't be had on this backend.
        """
        self._check(context)
        return self._block(context)

    def close(self) -> None:
        """Begin no more: the handler has ended, though a task of it may still run."""
        self._closed = True

    def _check(self, context: JobContext) -> None:
        problem = self._problem(context)
        if problem is not None:
            message = f"ctx.transaction() of job {context.job_id}: {problem}"
            raise TransactionMisused(message)

    def _problem(self, context: JobContext) -> str | None:
        if running_loop() is not self._attempt.task.get_loop():
            return (
                "it works on the worker's event loop only, and this is a thread. "
                "Make the handler an `async def`."
            )
        if context != self.context:
            return (
                f"this handler runs another job ({self.context.job_id}). "
                "Use the context that it was called with."
            )
        if self._closed:
            return "the handler has ended. Await in it what it starts."
        if self._attempt.completed:
            return "the job is done by an earlier one. Write everything in that block."
        if self.is_open:
            return "it is open already. For a part that may fail use a savepoint in it."
        return None

    @asynccontextmanager
    async def _block(self, context: JobContext) -> AsyncGenerator[Any]:
        self._check(context)  # again: another block may have begun since
        transaction = self._jobs.transaction(self._attempt.job, worker=self._worker_id)
        self.is_open = True
        try:
            connection = await transaction.__aenter__()
            try:
                yield connection
            except BaseException as error:
                await outlast(leave(transaction, error))
                raise
            await outlast(self._commit(transaction))
        finally:
            self.is_open = False

    async def _commit(self, transaction: AbstractAsyncContextManager[Any]) -> None:
        try:
            await leave(transaction, None)
        except ClaimLost:
            self._attempt.stopped = self._attempt.stopped or Interrupted()
            raise
        if crashpoints.ARMED:
            crashpoints.passed("transaction.committed")
        self._attempt.completed = True


def facts(job: ClaimedJob, worker_id: str) -> JobContext:
    """Return what a handler may know about its job."""
    # Earlier, too: a job that a schedule has fired was due at its tick.
    delayed = job.scheduled_at != job.created_at
    return JobContext(
        job_id=job.id,
        job_name=job.job_name,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        queue=job.queue,
        worker_id=worker_id,
        scheduled_at=job.scheduled_at if delayed else None,
        created_at=job.created_at,
        headers=read_headers(job.headers),
    )


async def leave(transaction: AbstractAsyncContextManager[Any], error: BaseException | None) -> None:
    """End the block, by an error or without one."""
    if error is None:
        await transaction.__aexit__(None, None, None)
    else:
        await transaction.__aexit__(type(error), error, error.__traceback__)


def what_still_counts(job: ClaimedJob, ending: Ending) -> Returned:
    """Return what is left to say of a job that its own transaction has completed: the result."""
    match ending:
        case Returned():
            return ending
        case Raised(failure) | TimedOut(failure):
            what = failure.summary
        case _:
            what = f"{type(ending).__name__} has no effect"
    logger.warning("Job %s (%s) is done; after its commit: %s", job.job_name, job.id, what)
    return Returned(None)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of this thread, or None where none runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
