"""What a handler may know about the job that it is running."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from threading import Event


@dataclass(frozen=True, slots=True)
class JobContext:
    """Facts about the running job; declare a parameter of this type and it is filled in.

    ``attempt`` counts from 1 to ``max_attempts`` (retries + 1). ``worker_id`` is the random id of
    the worker's present start. ``scheduled_at`` is None unless the job was delayed; both times are
    aware and in UTC.

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

    @property
    def should_stop(self) -> bool:
        """Whether the handler had better end: for plain functions, which nothing can stop.

        True once the job was cancelled, has run out of time, or belongs to another worker.
        Whatever the handler does afterwards, its job ends as cancelled or timed out. Coroutine
        functions get a ``CancelledError`` instead.
        """
        flag = STOP.get()
        return flag is not None and flag.is_set()


STOP: ContextVar[Event | None] = ContextVar("soniq_stop", default=None)
CURRENT: ContextVar[JobContext | None] = ContextVar("soniq_current_job", default=None)


def current_job() -> JobContext | None:
    """Return the context of the job that this code runs in, or None outside of any handler."""
    return CURRENT.get()
