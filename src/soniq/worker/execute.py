"""One claimed job → one outcome: arguments, context, middleware, deadline, handler, decision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from soniq import crashpoints
from soniq.arguments import check_model, decode, encode_result
from soniq.backends.contract import JobStore
from soniq.clock import Clock
from soniq.context import CURRENT, TRANSACTION, JobContext
from soniq.errors import ClaimLost, InvalidArguments, TaskArgumentsInvalid, WorkerCrashed
from soniq.events import Events, JobRaised, JobReturned, JobStarted
from soniq.job import ClaimedJob
from soniq.middleware import Middleware, compose
from soniq.options import ExecutorName
from soniq.outcome import (
    Cancelled,
    Crashed,
    Ending,
    Failure,
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
from soniq.settings import Settings
from soniq.task import Task
from soniq.worker.attempt import Attempt
from soniq.worker.runners import Call, Encoded, Runner, Slot
from soniq.worker.transaction import OwnTransaction, what_still_counts

logger = logging.getLogger("soniq.worker")

NO_RETRIES = RetryPolicy()


class Executor:
    """Runs jobs. Whatever a handler does, an attempt ends in an outcome, never in an exception."""

    def __init__(
        self,
        registry: Registry,
        middleware: Sequence[Middleware],
        jobs: JobStore,
        *,
        worker_id: str,
        runners: Mapping[ExecutorName, Runner],
        events: Events,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._registry = registry
        self._middleware = middleware
        self._jobs = jobs
        self._worker_id = worker_id
        self._runners = runners
        self._events = events
        self._clock = clock
        self._keep_results = settings.result_ttl > 0
        self._grace = settings.unknown_task_grace
        self._max_crashes = settings.max_crashes

    async def execute(self, attempt: Attempt) -> Outcome:
        """Run the job once and return what becomes of it."""
        job = attempt.job
        task = self._registry.find(job.job_name)
        if task is None:
            return decide(job, Stranger(expired=self._grace == 0), NO_RETRIES)
        ending = await self._attempt(attempt, task)
        if attempt.completed:
            ending = what_still_counts(job, ending)
        elif isinstance(attempt.stopped, Cancelled):
            # Also where the handler caught its cancellation: nobody knows how far it has come.
            ending = attempt.stopped
        chance = self._clock.random()
        return decide(job, ending, task.settings.retry, chance, max_crashes=self._max_crashes)

    async def _attempt(self, attempt: Attempt, task: Task[Any, Any]) -> Ending:
        try:
            arguments = self._restore(attempt.job, task)
        except (InvalidArguments, TaskArgumentsInvalid, TypeError) as error:
            return Misfit(Failure.of(error))
        context = self._context(attempt.job)
        for name in task.arguments.context_parameters:
            arguments[name] = context
        token = CURRENT.set(context)
        transaction = OwnTransaction(self._jobs, attempt, context, worker_id=self._worker_id)
        TRANSACTION.set(transaction)
        try:
            return await self._run(attempt, task, context, arguments)
        except BaseException as error:  # noqa: BLE001 - nothing may end a worker's slot
            await absorb_cancellation()
            return attempt.stopped or raised(error, task.settings.timeout)
        finally:
            transaction.close()
            CURRENT.reset(token)

    async def _run(
        self, attempt: Attempt, task: Task[Any, Any], context: JobContext, arguments: dict[str, Any]
    ) -> Ending:
        call = Call(task, arguments, attempt.job.args, context)
        async with self._runners[task.executor].slot(task) as slot:
            attempt.executor = task.executor
            if self._events.wanted(JobStarted):
                await self._events.emit(JobStarted(context))
            started = self._clock.monotonic()
            try:
                value = await self._call(slot, attempt, call)
                await absorb_cancellation()
            except BaseException as error:  # noqa: BLE001 - the handler's, whatever it is
                await absorb_cancellation()
                if attempt.stopped and is_told(error) and not attempt.completed:
                    return attempt.stopped
                await self._tell_raised(context, error, started)
                return raised(error, task.settings.timeout)
        if self._events.wanted(JobReturned):
            seconds = self._clock.monotonic() - started
            await self._events.emit(JobReturned(context, value, seconds))
        return self._returned(attempt, value)

    async def _call(self, slot: Slot, attempt: Attempt, call: Call) -> Any:
        async def call_handler(_: JobContext) -> Any:
            if crashpoints.ARMED:
                crashpoints.passed("handler.before")
            answer = await slot.call(call)
            if crashpoints.ARMED:
                crashpoints.passed("handler.after")
            if not isinstance(answer, Encoded):
                return answer
            attempt.encoded = answer
            return answer.value

        chain = compose(self._middleware, call_handler) if self._middleware else call_handler
        if not call.task.settings.timeout:
            return await chain(call.context)
        deadline = asyncio.timeout(call.task.settings.timeout)
        try:
            async with deadline:
                return await chain(call.context)
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

    def _returned(self, attempt: Attempt, value: Any) -> Ending:
        job, encoded = attempt.job, attempt.encoded
        if isinstance(value, Snooze):
            return value
        if not self._keep_results:
            return Returned(None)
        # A middleware may have put something else in its place.
        if encoded is not None and value is encoded.value:
            text, problem = encoded.text, encoded.problem
        elif value is None:
            return Returned(None)
        else:
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
    if isinstance(error, WorkerCrashed):
        return Crashed.by(error)
    if not isinstance(error, DeadlineExceeded):
        return Raised.by(error)
    cause = Failure.of(error.__cause__) if error.__cause__ else None
    summary = f"TimeoutError: the job ran longer than its timeout of {timeout:g} s"
    return TimedOut(Failure(summary, cause.traceback if cause else None))


def is_told(error: BaseException) -> bool:
    """Tell whether the handler ended because it was told that it has to, not by a fault."""
    return isinstance(error, asyncio.CancelledError | ClaimLost)


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
