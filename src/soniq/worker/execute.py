"""One claimed job → one outcome: arguments, context, middleware, deadline, handler, decision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from soniq.arguments import check_model, decode, encode_result
from soniq.clock import Clock
from soniq.context import CURRENT, JobContext
from soniq.errors import InvalidArguments, TaskArgumentsInvalid
from soniq.events import Events, JobRaised, JobReturned, JobStarted
from soniq.job import ClaimedJob
from soniq.middleware import Middleware, compose
from soniq.outcome import (
    Cancelled,
    Ending,
    Failure,
    Interrupted,
    Misfit,
    Outcome,
    Raised,
    Returned,
    Snooze,
    Stranger,
    TimedOut,
    decide,
)
from soniq.registry import Registry
from soniq.retry import RetryPolicy
from soniq.task import Task
from soniq.worker.runners import Runner

logger = logging.getLogger("soniq.worker")

NO_RETRIES = RetryPolicy()


@dataclass(slots=True)
class Attempt:
    """A job in this worker's hands.

    ``stopped``: how it ends because its task was cancelled from outside. ``unstoppable``: its
    handler runs in a thread, where nothing can stop it.
    """

    job: ClaimedJob
    stopped: Interrupted | Cancelled | None = None
    unstoppable: bool = False


class Executor:
    """Runs jobs. Whatever a handler does, an attempt ends in an outcome, never in an exception."""

    def __init__(
        self,
        registry: Registry,
        middleware: Sequence[Middleware],
        *,
        worker_id: str,
        runners: dict[bool, Runner],
        events: Events,
        clock: Clock,
        keep_results: bool = True,
        unknown_task_grace: float = 600.0,
    ) -> None:
        self._registry = registry
        self._middleware = middleware
        self._worker_id = worker_id
        self._runners = runners
        self._events = events
        self._clock = clock
        self._keep_results = keep_results
        self._grace = unknown_task_grace

    async def execute(self, attempt: Attempt) -> Outcome:
        """Run the job once and return what becomes of it."""
        job = attempt.job
        task = self._registry.find(job.job_name)
        if task is None:
            return decide(job, Stranger(expired=self._grace == 0), NO_RETRIES)
        ending = await self._attempt(attempt, task)
        if isinstance(attempt.stopped, Cancelled):
            # Also where the handler caught its cancellation: nobody knows how far it has come.
            ending = attempt.stopped
        return decide(job, ending, task.settings.retry, self._clock.random())

    async def _attempt(self, attempt: Attempt, task: Task[Any, Any]) -> Ending:
        try:
            arguments = self._restore(attempt.job, task)
        except (InvalidArguments, TaskArgumentsInvalid, TypeError) as error:
            return Misfit(Failure.of(error))
        context = self._context(attempt.job)
        for name in task.arguments.context_parameters:
            arguments[name] = context
        token = CURRENT.set(context)
        try:
            return await self._run(attempt, task, context, arguments)
        except BaseException as error:  # noqa: BLE001 - nothing may end a worker's slot
            await absorb_cancellation()
            return attempt.stopped or Raised.by(error)
        finally:
            CURRENT.reset(token)

    async def _run(
        self, attempt: Attempt, task: Task[Any, Any], context: JobContext, arguments: dict[str, Any]
    ) -> Ending:
        runner = self._runners[task.is_async]
        async with runner.slot():
            attempt.unstoppable = not task.is_async
            if self._events.wanted(JobStarted):
                await self._events.emit(JobStarted(context))
            started = self._clock.monotonic()
            try:
                value = await self._call(runner, task, context, arguments)
                await absorb_cancellation()
            except BaseException as error:  # noqa: BLE001 - the handler's, whatever it is
                await absorb_cancellation()
                if attempt.stopped and isinstance(error, asyncio.CancelledError):
                    return attempt.stopped
                await self._tell_raised(context, error, started)
                return raised(error, task.settings.timeout)
        if self._events.wanted(JobReturned):
            seconds = self._clock.monotonic() - started
            await self._events.emit(JobReturned(context, value, seconds))
        return self._returned(attempt.job, value)

    async def _call(
        self,
        runner: Runner,
        task: Task[Any, Any],
        context: JobContext,
        arguments: dict[str, Any],
    ) -> Any:
        async def call_handler(_: JobContext) -> Any:
            return await runner.call(task.handler, arguments)

        chain = compose(self._middleware, call_handler) if self._middleware else call_handler
        if not task.settings.timeout:
            return await chain(context)
        deadline = asyncio.timeout(task.settings.timeout)
        try:
            async with deadline:
                return await chain(context)
        except BaseException as error:
            if deadline.expired():
                raise DeadlineExceeded from error
            raise

    def _restore(self, job: ClaimedJob, task: Task[Any, Any]) -> dict[str, Any]:
        if task.settings.model is not None:
            check_model(task.settings.model, decode(job.args), task.name)
        return task.arguments.restore(job.args)

    def _context(self, job: ClaimedJob) -> JobContext:
        # Earlier, too: a job that a schedule has fired was due at its tick.
        delayed = job.scheduled_at != job.created_at
        return JobContext(
            job_id=job.id,
            job_name=job.job_name,
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            queue=job.queue,
            worker_id=self._worker_id,
            scheduled_at=job.scheduled_at if delayed else None,
            created_at=job.created_at,
        )

    def _returned(self, job: ClaimedJob, value: Any) -> Ending:
        if isinstance(value, Snooze):
            return value
        if value is None or not self._keep_results:
            return Returned(None)
        text, problem = encode_result(value)
        if problem is not None:
            logger.warning("Result of %s %s is not kept: %s", job.job_name, job.id, problem)
        return Returned(text, problem)

    async def _tell_raised(self, context: JobContext, error: BaseException, started: float) -> None:
        if self._events.wanted(JobRaised):
            seconds = self._clock.monotonic() - started
            await self._events.emit(JobRaised(context, error, seconds))


class DeadlineExceeded(Exception):
    """The handler was stopped at its deadline; ``__cause__`` is what came out of it."""


def raised(error: BaseException, timeout: float) -> Ending:
    """Return the ending for what came out of a handler."""
    if not isinstance(error, DeadlineExceeded):
        return Raised.by(error)
    cause = Failure.of(error.__cause__) if error.__cause__ else None
    summary = f"TimeoutError: the job ran longer than its timeout of {timeout:g} s"
    return TimedOut(Failure(summary, cause.traceback if cause else None))


async def absorb_cancellation() -> None:
    """Forget every request to cancel the running task, also one that has not been delivered yet.

    A handler may cancel its own task and return before the request is delivered; it would
    otherwise hit the worker's own next await.
    """
    task = asyncio.current_task()
    while task is not None and task.cancelling():
        task.uncancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            continue
