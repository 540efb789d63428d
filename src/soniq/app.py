"""Soniq: the one place that wires everything, and one-line delegates to it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, ParamSpec, Self, overload

from typing_extensions import Unpack

from soniq import settings as configuration
from soniq.audit import Audit
from soniq.backends import connect
from soniq.backends.contract import Backend, Migration
from soniq.clock import Clock, SystemClock
from soniq.dead_letter import DeadLetters
from soniq.definitions import Definitions
from soniq.doctor import Finding
from soniq.doctor.service import Doctor
from soniq.enqueue import Enqueuer, Target, shape_arguments
from soniq.events import Events
from soniq.job import Job, JobStatus, Worker
from soniq.jobs import Jobs
from soniq.middleware import Middleware
from soniq.opening import Opening
from soniq.options import (
    EnqueueOptionArguments,
    EnqueueOptions,
    When,
)
from soniq.queues import Queues
from soniq.registry import Registry
from soniq.scheduler.loop import SchedulerLoop
from soniq.scheduler.run import run_scheduler
from soniq.scheduler.service import Scheduler
from soniq.stats import Stats
from soniq.task import Task, TaskRef
from soniq.worker.shutdown import Shutdown
from soniq.worker.worker import Crew, WorkerReport
from soniq.workers import Workers

P = ParamSpec("P")


class Soniq(Definitions):
    """Background jobs in the database that you already have.

    Args:
        database_url: ``postgresql://…``, ``sqlite:///path`` or a path ending in ``.db``; without
            one, ``SONIQ_DATABASE_URL``, else the file ``soniq.db`` (refused in production).
        backend: ``"postgres"``, ``"sqlite"``, ``"memory"`` or a backend object, instead of what
            the URL says.
        clock: replaces time and chance in tests.
        settings: any setting by name, such as ``concurrency=20``; the rest comes from ``SONIQ_*``.

    Raises:
        ConfigurationError: a setting that can't be used.

    Example:
        .. code-block:: python

            app = Soniq(database_url="postgresql://localhost/shop")

            @app.job(retries=5)
            async def send_email(to: str) -> None: ...

            await app.enqueue(send_email, to="a@example.com")
    """

    def __init__(
        self,
        database_url: str | None = None,
        *,
        backend: Literal["postgres", "sqlite", "memory"] | Backend | None = None,
        clock: Clock | None = None,
        **settings: Any,
    ) -> None:
        kind = backend if isinstance(backend, str) else None
        self.settings = configuration.load(database_url=database_url, backend=kind, **settings)
        self.clock = clock or SystemClock()
        self.events = Events()
        self.registry = Registry(self.settings.task_name_pattern)
        made = backend if backend is not None and kind is None else None
        self.backend: Backend = made or connect(self.settings, self.clock)  # type: ignore[assignment]
        self._opening = Opening(self.backend)
        ready = self._opening.open
        self.dead_letter = DeadLetters(self.backend, clock=self.clock, ready=ready)
        self.queues = Queues(self.backend, ready=ready)
        self.workers = Workers(self.backend, ready=ready)
        self.stats = Stats(self.backend, ready=ready)
        self.audit = Audit(self.backend, clock=self.clock, ready=ready)
        self._enqueuer = Enqueuer(
            self.registry,
            self.backend,
            self.settings,
            events=self.events,
            clock=self.clock,
            ready=ready,
        )
        self.jobs = Jobs(self.backend, self._enqueuer, clock=self.clock, ready=ready)
        self.scheduler = Scheduler(self.backend, self._enqueuer, ready=ready)
        self._doctor = Doctor(self.backend, self.settings, stats=self.stats, ready=ready)
        self._middleware: list[Middleware] = []

    # --- open and close -------------------------------------------------------------------------

    async def ensure_initialized(self) -> None:
        """Connect if that has not happened yet; every method does so by itself.

        Raises:
            DatabaseUnreachable: nobody answers, or the login was refused.
            SchemaNotReady: PostgreSQL lacks Soniq's tables; run ``soniq setup``.
        """
        await self._opening.open()

    async def close(self) -> None:
        """Send what is on its way and give every connection back. Closing twice is harmless."""
        await self._enqueuer.drain()
        await self._opening.close()

    async def __aenter__(self) -> Self:
        """Connect."""
        await self.ensure_initialized()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close."""
        await self.close()

    async def setup(self) -> list[Migration]:
        """Create the database if it is missing, bring its schema up to date; return what was done.

        Safe when many processes do it at once.
        """
        return await self.backend.setup()

    async def migrations(self) -> list[Migration]:
        """Return the steps of the schema, each with the time when it was applied, or None."""
        return await self.backend.migrations()

    async def check(self, only: Collection[str] | None = None) -> list[Finding]:
        """Return what every check of ``soniq doctor`` finds, or those of the ids in ``only``."""
        return await self._doctor.check(only)

    # --- enqueue --------------------------------------------------------------------------------

    @overload
    async def enqueue(self, target: Task[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> str: ...
    @overload
    async def enqueue(
        self, target: Task[..., Any], /, *, queue: str | None, **kwargs: Any
    ) -> str: ...
    @overload
    async def enqueue(
        self, target: Task[..., Any], /, *, priority: int | None, **kwargs: Any
    ) -> str: ...
    @overload
    async def enqueue(
        self, target: Task[..., Any], /, *, scheduled_at: When | None, **kwargs: Any
    ) -> str: ...
    @overload
    async def enqueue(
        self, target: Task[..., Any], /, *, unique: bool | None, **kwargs: Any
    ) -> str: ...
    @overload
    async def enqueue(
        self, target: Task[..., Any], /, *, dedup_key: str | None, **kwargs: Any
    ) -> str: ...
    @overload
    async def enqueue(
        self, target: Task[..., Any], /, *, connection: object | None, **kwargs: Any
    ) -> str: ...
    @overload
    async def enqueue(
        self,
        target: str | TaskRef,
        /,
        *,
        args: Mapping[str, Any] | None = None,
        priority: int | None = None,
        queue: str | None = None,
        scheduled_at: When | None = None,
        unique: bool | None = None,
        dedup_key: str | None = None,
        connection: object | None = None,
    ) -> str: ...
    async def enqueue(  # type: ignore[misc]  # P can't say that it holds no option of ours
        self,
        target: Any,
        /,
        *positional: Any,
        args: Mapping[str, Any] | None = None,
        priority: int | None = None,
        queue: str | None = None,
        scheduled_at: When | None = None,
        unique: bool | None = None,
        dedup_key: str | None = None,
        connection: object | None = None,
        **func_kwargs: Any,
    ) -> str:
        """Enqueue one job and return its id (a UUID) once it is durable.

        Args:
            target: a task (arguments as keywords), or a name or TaskRef (arguments in ``args``).
            positional: refused; arguments travel by name.
            args: the arguments for a task name or TaskRef.
            priority: 1 (first) to 1000 (last).
            queue: the queue to go into.
            scheduled_at: when to run: a datetime (naive: UTC), a timedelta, or seconds from now.
            unique: skip if a job with the same arguments waits; its id is returned.
            dedup_key: skip if a job with the same key waits; wins over the arguments.
            connection: a connection whose transaction the job joins: asyncpg, or a handler's own.
            func_kwargs: the arguments for a task.

        Raises:
            UnknownTask: no such task is registered here.
            TypeError: the arguments do not fit the function, or the wrong shape for the target.
            InvalidArguments: a value that would not arrive as it was given.
            TaskArgumentsInvalid: the task's model refused the arguments.
            TransactionUnsupported: this backend can't join the transaction of ``connection``.
        """
        options = EnqueueOptions(queue, priority, scheduled_at, unique, dedup_key, connection)
        arguments = shape_arguments(target, args, func_kwargs, positional)
        return await self._enqueuer.enqueue(target, arguments, options)

    async def enqueue_many(
        self,
        target: Target,
        args_list: Sequence[Mapping[str, Any]],
        *,
        queue: str | None = None,
        priority: int | None = None,
        scheduled_at: When | None = None,
    ) -> list[str]:
        """Enqueue many jobs of one task, all or none; return their ids in the same order.

        Every item is checked before any is written. The options go for all of them.

        Raises:
            BulkUniqueRefused: the task is unique; call ``enqueue`` in a loop instead.
            TypeError, InvalidArguments, TaskArgumentsInvalid: as ``enqueue``, naming the item.
        """
        options = EnqueueOptions(queue=queue, priority=priority, scheduled_at=scheduled_at)
        return await self._enqueuer.enqueue_many(target, args_list, options)

    @overload
    async def schedule(
        self, target: Task[P, Any], run_at: When, /, *args: P.args, **kwargs: P.kwargs
    ) -> str: ...
    @overload
    async def schedule(self, target: Task[..., Any], /, *, run_at: When, **kwargs: Any) -> str: ...
    @overload
    async def schedule(
        self,
        target: str | TaskRef,
        /,
        run_at: When,
        *,
        args: Mapping[str, Any] | None = None,
        **options: Unpack[EnqueueOptionArguments],
    ) -> str: ...
    async def schedule(  # type: ignore[misc]  # P can't say that it holds no run_at of its own
        self,
        target: Any,
        /,
        run_at: When,
        *positional: Any,
        args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> str:
        """Enqueue a job for later: ``enqueue`` with ``scheduled_at=run_at``.

        ``run_at``: a datetime (naive: UTC), a timedelta, or seconds from now.

        Raises:
            ValueError: a negative or endless delay.
        """
        return await self.enqueue(target, *positional, args=args, scheduled_at=run_at, **kwargs)

    # --- look and intervene ---------------------------------------------------------------------

    async def get_job(self, job_id: str) -> Job | None:
        """Return the job as it stands now, or None."""
        return await self.jobs.get(job_id)

    async def list_jobs(
        self,
        queue: str | None = None,
        status: JobStatus | str | None = None,
        name: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Job]:
        """Return jobs that match, newest first; InvalidOption for an unknown status."""
        return await self.jobs.list(
            queue=queue, status=status, name=name, limit=limit, offset=offset
        )

    async def get_result(self, job_id: str) -> Any:
        """Return what the job's handler returned (JSON); None as long as there is nothing."""
        return await self.jobs.result(job_id)

    async def wait_for(self, job_id: str, timeout: float | None = None) -> Job:
        """Return the job once it is done or cancelled, within ``timeout`` seconds.

        Raises:
            JobFailed: it ended in the dead letters.
            WaitTimeout: it has not ended in time.
            JobNotFound: there is no such job.
        """
        return await self.jobs.wait_for(job_id, timeout)

    async def cancel_job(self, job_id: str) -> bool:
        """Cancel a job that waits, or have a running one stopped; tell whether it was one."""
        return await self.jobs.cancel(job_id)

    async def delete_job(self, job_id: str) -> bool:
        """Delete a job; tell whether there was one. JobProcessing while it runs."""
        return await self.jobs.delete(job_id)

    async def get_queue_stats(self) -> dict[str, dict[str, int]]:
        """Return per queue: total, queued, processing, done, dead_letter, cancelled.

        Counts every row: exact, but it takes seconds where there are millions. ``queues.list()``
        does without.
        """
        return await self.jobs.queue_stats()

    async def list_workers(self) -> list[Worker]:
        """Return the registered workers, each with whether it is believed to be alive."""
        return await self.workers.list()

    # --- work -----------------------------------------------------------------------------------

    async def run_worker(
        self,
        concurrency: int | None = None,
        queues: Sequence[str] | None = None,
        run_once: bool = False,  # noqa: FBT001, FBT002 - as documented
        *,
        handle_signals: bool = False,
        stop: asyncio.Event | None = None,
        shutdown: Shutdown | None = None,
        max_jobs: int | None = None,
        max_rss: int | None = None,
        with_scheduler: bool = False,
    ) -> WorkerReport:
        """Run jobs in this process until a stop is asked for; return what was done.

        Args:
            concurrency: handlers at a time (the setting, 10).
            queues: the queues to serve (the setting; None: all).
            run_once: run all that is due, and what becomes due at once by that, then return.
            handle_signals: stop on SIGTERM and SIGINT; the program's own handlers come back.
            stop: set it to end the worker from within the program, as SIGTERM would.
            shutdown: instead of ``stop``, to ask for both steps of it.
            max_jobs: end as by ``stop`` after so many jobs, and those that ran beside the last.
            max_rss: end as by ``stop`` when this process holds more MiB of memory after a job.
            with_scheduler: fire schedules, too, as ``run_scheduler`` does; with ``run_once`` those
                that are due.
        """
        beside = await self._scheduler_loop().beside(run_once=run_once) if with_scheduler else ()
        limits = (max_jobs, max_rss)
        crew = self._crew(concurrency, queues, shutdown=shutdown, limits=limits, beside=beside)
        return await crew.run(run_once=run_once, handle_signals=handle_signals, stop=stop)

    async def run_scheduler(
        self, *, handle_signals: bool = False, stop: asyncio.Event | None = None
    ) -> None:
        """Fire schedules in this process until a stop is asked for; any number may do so at once.

        Args:
            handle_signals: stop on SIGTERM and SIGINT; the program's own handlers come back.
            stop: set it to end the scheduler from within the program.
        """
        await self.ensure_initialized()
        await run_scheduler(
            self._scheduler_loop(),
            events=self.events,
            clock=self.clock,
            handle_signals=handle_signals,
            stop=stop,
        )

    def _scheduler_loop(self) -> SchedulerLoop:
        return SchedulerLoop(self.backend, self.scheduler, events=self.events, clock=self.clock)

    def _crew(self, concurrency: int | None, queues: Sequence[str] | None, **options: Any) -> Crew:
        wired = (self.backend, self.registry, tuple(self._middleware), self.settings)
        return Crew(
            *wired, events=self.events, clock=self.clock, ready=self.ensure_initialized,
            concurrency=concurrency, queues=queues, **options,
        )  # fmt: skip
