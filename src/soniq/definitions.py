"""The decorators of an app: jobs, recurring jobs, middleware and hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from typing_extensions import Unpack

from soniq.enqueue import Enqueuer
from soniq.events import Events, JobRaised, JobReturned, JobStarted
from soniq.middleware import EnqueueMiddleware, Middleware
from soniq.options import TaskOptionArguments, default_options, read_options
from soniq.recurrence import Every, Missed, read_recurrence
from soniq.registry import Registry
from soniq.scheduler.service import Scheduler
from soniq.settings import Settings
from soniq.signatures import TaskDecorator
from soniq.task import Task

Hook = TypeVar("Hook", bound=Callable[..., Any])


class Definitions:
    """What is declared in code; ``Soniq`` wires the parts that these methods use."""

    settings: Settings
    registry: Registry
    events: Events
    scheduler: Scheduler
    _enqueuer: Enqueuer
    _middleware: list[Middleware]

    def job(self, *misuse: object, **options: Unpack[TaskOptionArguments]) -> TaskDecorator:
        """Register a function as a task; always with parentheses.

        Args:
            misuse: catches ``@app.job`` without parentheses.
            options: ``name`` (default: module and qualname), ``retries`` or ``max_retries`` (3),
                ``priority`` 1 to 1000, lower first (100), ``queue`` ("default"), ``unique``
                (False), ``retry_delay`` seconds or a list of them (0), ``retry_backoff`` (False),
                ``retry_max_delay`` seconds, ``retry_jitter`` share of the delay (0), ``timeout``
                seconds, 0 for none (None: the setting ``job_timeout``), ``validate`` or
                ``args_model``: a pydantic model for the arguments, ``executor``: "process" or None.

        Raises:
            TypeError: no parentheses, or an option that tasks do not have.
            ValueError: an option out of range, or a name that is taken.
        """
        if misuse:
            message = "Write @app.job() with parentheses, also when there are no options."
            raise TypeError(message)
        task_options = read_options(default_options(self.settings), options)

        def register(handler: Callable[..., Any]) -> Task[..., Any]:
            return self.registry.define(handler, options.get("name"), task_options, self._enqueuer)

        return register  # type: ignore[return-value]  # one function stands behind all overloads

    def periodic(
        self,
        *misuse: object,
        cron: object = None,
        every: Every | None = None,
        timezone: str = "UTC",
        missed: Missed = "one",
        args: Mapping[str, Any] | None = None,
        **options: Unpack[TaskOptionArguments],
    ) -> TaskDecorator:
        """Register a function as a task that recurs, by ``soniq scheduler`` or ``run_scheduler()``.

        Args:
            misuse: catches ``@app.periodic`` without parentheses.
            cron: a cron string of five fields, or anything whose ``str()`` is one.
            every: the interval instead: a timedelta or seconds, 1 or more.
            timezone: the IANA name of the zone that ``cron`` is read in.
            missed: what becomes of ticks that nobody could fire in time: ``"one"`` job for all of
                them, ``"skip"`` them, or ``"all"`` one by one.
            args: the arguments of every job.
            options: those of ``@app.job()``.

        Raises:
            TypeError: no parentheses, an option that tasks lack, or arguments that don't fit.
            ValueError: neither or both of cron and every, or a value that can't be used.

        Example:
            .. code-block:: python

                @app.periodic(cron=daily().at("09:00"), name="reports.daily")
                async def daily_report() -> None: ...
        """
        if misuse:
            message = "Write @app.periodic(cron=…) or @app.periodic(every=…), with parentheses."
            raise TypeError(message)
        recurrence = read_recurrence(cron, every, timezone, missed)
        decorate = self.job(**options)

        def register(handler: Callable[..., Any]) -> Task[..., Any]:
            task = decorate(handler)
            self.scheduler.declare(task, recurrence, args or {})
            return task

        return register  # type: ignore[return-value]  # one function stands behind all overloads

    def middleware(self, wrapper: Middleware) -> Middleware:
        """Run ``async wrapper(ctx, call_next)`` around every handler, the first one outermost.

        It returns ``await call_next(ctx)``, or raises to fail the job.
        """
        self._middleware.append(wrapper)
        return wrapper

    def enqueue_middleware(self, wrapper: EnqueueMiddleware) -> EnqueueMiddleware:
        """Enter ``with wrapper(jobs) as headers:`` around every write of new jobs.

        It gets the jobs of one call, and gives texts by name that travel with each of them beside
        its arguments: ``ctx.headers`` of the handler, ``headers`` of what ``get_job`` returns. What
        it raises fails the call. Jobs of schedules and replays pass by.

        Example:
            .. code-block:: python

                @app.enqueue_middleware
                @contextmanager
                def tenant(jobs):
                    yield {"tenant": current_tenant()}
        """
        self._enqueuer.middleware.append(wrapper)
        return wrapper

    def before_job(self, hook: Hook) -> Hook:
        """Call ``hook(ctx)`` before every handler; what it raises is logged and harms nobody."""
        self.events.on(JobStarted, lambda event: hook(event.context))
        return hook

    def after_job(self, hook: Hook) -> Hook:
        """Call ``hook(ctx, result)`` after every handler that returned."""
        self.events.on(JobReturned, lambda event: hook(event.context, event.result))
        return hook

    def on_error(self, hook: Hook) -> Hook:
        """Call ``hook(ctx, error)`` after every handler that raised or ran out of time."""
        self.events.on(JobRaised, lambda event: hook(event.context, event.error))
        return hook
