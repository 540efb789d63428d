"""What a handler may know about the job that it is running."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any, Protocol

from soniq.errors import TransactionMisused


@dataclass(frozen=True, slots=True)
class JobContext:
    """Facts about the running job; declare a parameter of this type and it is filled in.

    ``attempt`` counts from 1 to ``max_attempts`` (retries + 1). ``worker_id`` is the random id of
    the worker's present start. ``scheduled_at`` is None unless the job was delayed; both times are
    aware and in UTC. ``headers``: what ``app.enqueue_middleware`` sent along.

    Example:
        .. code-block:: python

            @app.job()
            async def process_order(order_id: int, ctx: JobContext) -> None:
                print(f"attempt {ctx.attempt} of {ctx.max_attempts}")
    """

    job_id: str
    job_name: str
    attempt: int
    max_attempts: int
    queue: str
    worker_id: str | None = None
    scheduled_at: datetime | None = None
    created_at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    @property
    def should_stop(self) -> bool:
        """Whether the handler had better end: for plain functions, which nothing can stop.

        True once the job was cancelled, has run out of time, or belongs to another worker.
        Whatever the handler does afterwards, its job ends as cancelled or timed out. Coroutine
        functions get a ``CancelledError`` instead.
        """
        flag = STOP.get()
        return flag is not None and flag.is_set()

    @property
    def idempotency_key(self) -> str:
        """The same text in all attempts of this job, and another one for every other job.

        Give it to services that do the same request once only. A handler with several such
        requests adds a word to it for each.
        """
        return self.job_id

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Commit what the handler writes together with the completion of its job, or neither.

        ``async with ctx.transaction() as conn`` gives an ``asyncpg`` connection on PostgreSQL and
        an ``aiosqlite`` one on SQLite, in a transaction. The end of the block commits it; from
        then on the job is done, whatever becomes of the handler. An exception rolls it back.

        Raises:
            ClaimLost: at the end of the block, when the job belongs to another attempt by now;
                everything is rolled back.
            TransactionMisused: not in a coroutine function that a worker runs for this very job,
                a second time, or ended by other means than the end of the block.
            UnsupportedByBackend: the memory backend has no transactions.

        Example:
            .. code-block:: python

                async with ctx.transaction() as conn:
                    await conn.execute(PAY, order_id)
        """
        running = RUNNING.get()
        if running is None:
            raise nobody_runs(self)
        return running.begin(self)


class RunningJob(Protocol):
    """The run of a job, as the code in it may know it."""

    @property
    def context(self) -> JobContext:
        """The facts about it."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the handler is within the block of ``JobContext.transaction``."""
        ...

    def begin(self, context: JobContext) -> AbstractAsyncContextManager[Any]:
        """Return the block, or raise because it can't be had here."""
        ...


@dataclass(frozen=True, slots=True)
class RunElsewhere:
    """The run of a job in a process of its own, which has no connection to the database."""

    context: JobContext
    is_open: bool = False

    def begin(self, context: JobContext) -> AbstractAsyncContextManager[Any]:
        """Raise TransactionMisused."""
        raise nobody_runs(context)


@dataclass(frozen=True, slots=True)
class Luggage:
    """What surrounds a handler, and is to surround it in a process of its own as well.

    ``pack`` is called where the handler would be, and says it in texts. ``unpack`` is called with
    them in the process, before the handler: a function at the top of a module, whose changes of
    context variables last as long as the handler.
    """

    pack: Callable[[], Mapping[str, str]]
    unpack: Callable[[Mapping[str, str]], object]


def nobody_runs(context: JobContext) -> TransactionMisused:
    """Return the refusal of a transaction where no worker could complete the job in it."""
    return TransactionMisused(
        f"ctx.transaction() of job {context.job_id}: no worker runs its handler here. It is "
        "for `async def` handlers while they run, and not with executor='process'. "
        "Elsewhere open a transaction of your own."
    )


RUNNING: ContextVar[RunningJob | None] = ContextVar("soniq_running", default=None)
STOP: ContextVar[Event | None] = ContextVar("soniq_stop", default=None)
LUGGAGE: ContextVar[tuple[Luggage, ...]] = ContextVar("soniq_luggage", default=())


def current_job() -> JobContext | None:
    """Return the context of the job that this code runs in, or None outside of any handler."""
    running = RUNNING.get()
    return None if running is None else running.context
