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
from soniq.context import RUNNING
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
from soniq.worker.deadlines import Deadlines
from soniq.worker.runners import Call, Encoded, Runner, Slot
from soniq.worker.transaction import OwnRun, what_still_counts

logger = logging.getLogger("soniq.worker")

NO_RETRIES = RetryPolicy()
NOTHING = Returned(None)


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
        deadlines: Deadlines,
        events: Events,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._registry = registry
        self._middleware = middleware
        self._jobs = jobs
        self._worker_id = worker_id
        self._runners = runners
        self._deadlines = deadlines
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
        run = OwnRun(self._jobs, attempt, self._worker_id)
        for name in task.arguments.context_parameters:
            arguments[name] = run.context
        RUNNING.set(run)
        try:
            return await self._run(attempt, Call(task, arguments, attempt.job.args, run))
        except BaseException as error:  # noqa: BLE001 - nothing may end a worker's slot
            await absorb_cancellation(attempt)
            return attempt.stopped or raised(error, task.settings.timeout)
        finally:
            run.close()
            # The task has the context, and the run has the task: no job may leave a circle behind
            # that the garbage collector has to find, for which it stops the worker.
            RUNNING.set(None)

    async def _run(self, attempt: Attempt, call: Call) -> Ending:
        task, events = call.task, self._events
        async with self._runners[task.executor].slot(task) as slot:
            attempt.executor = task.executor
            if events.wanted(JobStarted):
                await events.emit(JobStarted(call.run.context))
            started = self._clock.monotonic()
            try:
                value = await self._call(slot, attempt, call)
            except BaseException as error:  # noqa: BLE001 - the handler's, whatever it is
                return await self._failed(attempt, call, error, started)
            if attempt.task.cancelling():
                await absorb_cancellation(attempt)
        if events.wanted(JobReturned):
            seconds = self._clock.monotonic() - started
            await events.emit(JobReturned(call.run.context, value, seconds))
        return self._returned(attempt, value)

    async def _call(self, slot: Slot, attempt: Attempt, call: Call) -> Any:
        timeout = call.task.settings.timeout
        if timeout:
            self._deadlines.begin(attempt, timeout)
        try:
            if not self._middleware:
                return await self._handle(slot, attempt, call)
            chain = compose(self._middleware, lambda _: self._handle(slot, attempt, call))
            return await chain(call.run.context)
        finally:
            if timeout:
                self._deadlines.end(attempt)

    async def _handle(self, slot: Slot, attempt: Attempt, call: Call) -> Any:
        if crashpoints.ARMED:
            crashpoints.passed("handler.before")
        answer = await slot.call(call)
        if crashpoints.ARMED:
            crashpoints.passed("handler.after")
        if not isinstance(answer, Encoded):
            return answer
        attempt.encoded = answer
        return answer.value

    async def _failed(
        self, attempt: Attempt, call: Call, error: BaseException, started: float
    ) -> Ending:
        await absorb_cancellation(attempt)
        if attempt.expired:
            error = exceeded(error)
        elif attempt.stopped and is_told(error) and not attempt.completed:
            return attempt.stopped
        if self._events.wanted(JobRaised):
            seconds = self._clock.monotonic() - started
            await self._events.emit(JobRaised(call.run.context, error, seconds))
        return raised(error, call.task.settings.timeout)

    def _restore(self, job: ClaimedJob, task: Task[Any, Any]) -> dict[str, Any]:
        if task.settings.model is not None:
            check_model(task.settings.model, decode(job.args), task.name)
        return task.arguments.restore(job.args)

    def _returned(self, attempt: Attempt, value: Any) -> Ending:
        job, encoded = attempt.job, attempt.encoded
        if isinstance(value, Snooze):
            return value
        if not self._keep_results:
            return NOTHING
        # A middleware may have put something else in its place.
        if encoded is not None and value is encoded.value:
            text, problem = encoded.text, encoded.problem
        elif value is None:
            return NOTHING
        else:
            text, problem = encode_result(value)
        if problem is not None:
            logger.warning("Result of %s %s is not kept: %s", job.job_name, job.id, problem)
        return Returned(text, problem)


class DeadlineExceeded(Exception):
    """The handler was stopped at its deadline; ``__cause__`` is what came out of it."""


def exceeded(error: BaseException) -> DeadlineExceeded:
    """Return the error of a handler that was told to end in time, and then ended by ``error``."""
    late = DeadlineExceeded()
    late.__cause__ = error
    return late


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


async def absorb_cancellation(attempt: Attempt) -> None:
    """Forget every request to cancel the attempt, also one that has not been delivered yet.

    A handler may cancel its own task and return before the request is delivered; it would
    otherwise hit the worker's own next await.
    """
    while attempt.task.cancelling():
        attempt.task.uncancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            continue
