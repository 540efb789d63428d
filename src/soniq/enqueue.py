"""From a target, its arguments and options to a durable job."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from soniq.arguments import check_model, encode_plain
from soniq.backends.contract import Backend
from soniq.batch import Batcher
from soniq.clock import Clock
from soniq.context import RUNNING
from soniq.errors import (
    BulkUniqueRefused,
    EnqueueError,
    InvalidArguments,
    UnknownTask,
)
from soniq.events import Events, JobEnqueued
from soniq.job import DeadLetter, Job, NewJob
from soniq.middleware import EnqueueMiddleware, accompanied
from soniq.options import EnqueueOptions, check_name
from soniq.pattern import Addressee, Pattern, decide
from soniq.registry import Registry
from soniq.settings import Settings
from soniq.task import Task, TaskRef, refuse_positional

logger = logging.getLogger("soniq.enqueue")

Target = Task[Any, Any] | Callable[..., Any] | str | TaskRef
# What is in the database already has been measured once.
ANY_SIZE = 2**31
NO_ARGUMENTS: Mapping[str, Any] = {}


class Enqueuer:
    """Makes jobs and writes them; concurrent calls of one process share round trips."""

    def __init__(
        self,
        registry: Registry,
        backend: Backend,
        settings: Settings,
        *,
        events: Events,
        clock: Clock,
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._settings = settings
        self._events = events
        self._clock = clock
        self._ready = ready
        self._inserts: Batcher[NewJob, str] = Batcher(self._insert, direct=True)
        # Of calls without options, by the task.
        self._patterns: dict[Task[Any, Any], Pattern] = {}
        # Around every write; most apps have none, and pay for none.
        self.middleware: list[EnqueueMiddleware] = []

    def enqueue(
        self, target: Target, arguments: Mapping[str, Any], options: EnqueueOptions
    ) -> Coroutine[Any, Any, str]:
        """Write one job; await its id, or that of its waiting duplicate, once it is durable."""
        job = self._pattern(target, options).job(self._clock.new_id(), arguments)
        return self.write(job, connection=options.connection)

    async def write(self, job: NewJob, *, connection: object | None = None) -> str:
        """Write a job that is ready, as ``enqueue`` does."""
        await self._ready()
        if not self.middleware:
            return await self._write(job, connection)
        with accompanied(self.middleware, [job]) as [job_with_headers]:
            return await self._write(job_with_headers, connection)

    async def _write(self, job: NewJob, connection: object | None) -> str:
        if connection is not None:
            job_id = (await self._backend.jobs.insert([job], connection=connection))[0]
            self._backend.wakeups.wake_after(connection, [job.queue])
        elif is_within_transaction():
            # Alone: the backend may refuse it, and a batch may hold the jobs of others.
            [job_id] = await self._insert([job])
        else:
            job_id = await self._inserts.submit(job)
        if self._events.wanted(JobEnqueued):
            await self._announce([job], [job_id])
        return job_id

    async def enqueue_alike(
        self, original: Job | DeadLetter, arguments: Mapping[str, Any] | None = None
    ) -> str:
        """Write a job like another one, but due now and without a unique key; return its id.

        Its headers come along: it belongs to the same request.

        Given ``arguments`` are JSON values; where the task is known, they have to fit it.
        """
        text = encode_plain(original.args, max_bytes=ANY_SIZE)
        if arguments is not None:
            text = self._check_alike(original.job_name, arguments)
        job = NewJob(
            self.new_id(),
            original.job_name,
            original.queue,
            original.priority,
            text,
            original.max_attempts,
            headers=json.dumps(original.headers) if original.headers else None,
        )
        return await self.write(job)

    def new_id(self) -> str:
        """Return a fresh id for a job."""
        return self._clock.new_id()

    async def enqueue_call(
        self, task: Task[Any, Any], options: EnqueueOptions, arguments: dict[str, Any]
    ) -> str:
        """Write one job of a task; what ``task.enqueue()`` calls."""
        return await self.enqueue(task, arguments, options)

    async def enqueue_many(
        self, target: Target, args_list: Sequence[Mapping[str, Any]], options: EnqueueOptions
    ) -> list[str]:
        """Write all jobs or none, in one transaction; return their ids in the same order."""
        addressee = self.resolve(target)
        if addressee.is_unique(options):
            message = (
                f"enqueue_many() does not deduplicate, but {addressee.name!r} is unique: call "
                "enqueue() in a loop instead."
            )
            raise BulkUniqueRefused(message)
        jobs = self._prepare_all(decide(addressee, options, self._settings), args_list)
        if not jobs:
            return []
        await self._ready()
        if not self.middleware:
            return await self._write_many(jobs)
        with accompanied(self.middleware, jobs) as jobs_with_headers:
            return await self._write_many(jobs_with_headers)

    async def _write_many(self, jobs: Sequence[NewJob]) -> list[str]:
        ids = await self._insert(jobs)
        if self._events.wanted(JobEnqueued):
            await self._announce(jobs, ids)
        return ids

    def resolve(self, target: Target) -> Addressee:
        """Return who shall run the job.

        Raises:
            UnknownTask: a function or name that is not registered here.
            TypeError: something that is no target at all.
        """
        match target:
            case Task():
                return Addressee(target.name, self._registry.get(target.name))
            case TaskRef():
                return Addressee(target.name, self._registry.find(target.name), target)
            case str():
                return self._resolve_name(target)
            case _ if callable(target):
                task = self._registry.find_handler(target)
                if task is None:
                    message = f"{target!r} is not registered in this app: put @app.job() above it."
                    raise UnknownTask(message)
                return Addressee(task.name, task)
        message = f"Can't enqueue {target!r}: give a task, the name of a task, or a TaskRef."
        raise TypeError(message)

    def prepare(
        self, addressee: Addressee, arguments: Mapping[str, Any], options: EnqueueOptions
    ) -> NewJob:
        """Return the job, with everything decided and checked; nothing is written."""
        pattern = decide(addressee, options, self._settings)
        return pattern.job(self._clock.new_id(), arguments)

    def _pattern(self, target: Target, options: EnqueueOptions) -> Pattern:
        """Return the pattern of a call; without options that of a task is always the same."""
        match target:
            case Task() if options.leave_all:
                task = self._registry.get(target.name)
            case _:
                return decide(self.resolve(target), options, self._settings)
        pattern = self._patterns.get(task)
        if pattern is None:
            addressee = Addressee(task.name, task)
            pattern = self._patterns[task] = decide(addressee, options, self._settings)
        return pattern

    async def drain(self) -> None:
        """Return when every write of this process has been sent."""
        await self._inserts.drain()

    def _resolve_name(self, name: str) -> Addressee:
        task = self._registry.find(check_name(name))
        if task is None and self._settings.enqueue_validation != "none":
            message = self._registry.explain_unknown(name)
            if self._settings.enqueue_validation == "strict":
                raise UnknownTask(message)
            logger.warning("%s Enqueued all the same.", message)
        return Addressee(name, task)

    def _prepare_all(
        self, pattern: Pattern, args_list: Sequence[Mapping[str, Any]]
    ) -> list[NewJob]:
        jobs: list[NewJob] = []
        ids = self._clock.new_ids(len(args_list))
        for index, arguments in enumerate(args_list):
            if not isinstance(arguments, (dict, Mapping)):
                place = f"args_list[{index}]"
                message = f"{place} is {type(arguments).__name__}: give a dict of arguments."
                raise InvalidArguments(message, path=place)
            try:
                jobs.append(pattern.job(ids[index], arguments))
            except (EnqueueError, TypeError) as error:
                error.add_note(f"in args_list[{index}]; no job of this call was written")
                raise
        return jobs

    def _check_alike(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Return arguments as text, having done what a worker will do with them."""
        text = encode_plain(arguments, max_bytes=self._settings.max_args_bytes)
        task = self._registry.find(name)
        if task is not None:
            task.arguments.bind(arguments, name)
            task.arguments.restore(text)
            if task.settings.model is not None:
                check_model(task.settings.model, arguments, name)
        return text

    def _insert(self, jobs: Sequence[NewJob]) -> Awaitable[list[str]]:
        return self._backend.jobs.insert(jobs, wake=True)

    async def _announce(self, jobs: Sequence[NewJob], ids: Sequence[str]) -> None:
        for job, job_id in zip(jobs, ids, strict=True):
            if job.id == job_id:
                await self._events.emit(JobEnqueued(job_id, job.job_name, job.queue))


def shape_arguments(
    target: Target,
    args: Mapping[str, Any] | None,
    kwargs: Mapping[str, Any],
    positional: tuple[object, ...] = (),
) -> Mapping[str, Any]:
    """Return the arguments from the shape that goes with the target.

    Raises:
        TypeError: ``args=`` with a function, keyword arguments with a name or TaskRef, or
            positional arguments with either.
    """
    if positional:
        refuse_positional(getattr(target, "name", str(target)), positional)
    if isinstance(target, (str, TaskRef)):
        if kwargs:
            message = (
                f"With a task name or TaskRef the arguments go into args={{…}}, not into keywords "
                f"({', '.join(kwargs)}): they could collide with options of enqueue()."
            )
            raise TypeError(message)
        if args is not None and not isinstance(args, Mapping):
            message = f"args={args!r}: give a dict of arguments by name."
            raise TypeError(message)
        return args or NO_ARGUMENTS
    if args is not None:
        message = (
            "With a function the arguments are keywords: enqueue(f, x=1). args={…} goes with a "
            "task name or TaskRef."
        )
        raise TypeError(message)
    return kwargs


def is_within_transaction() -> bool:
    """Tell whether the caller is in a ``ctx.transaction()`` block."""
    running = RUNNING.get()
    return running is not None and running.is_open
