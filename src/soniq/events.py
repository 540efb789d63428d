"""Typed events: what happened, told to whoever listens. A bad listener harms nobody."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from soniq.context import JobContext
from soniq.outcome import Outcome

logger = logging.getLogger("soniq.events")


@dataclass(frozen=True, slots=True)
class JobEnqueued:
    """A job is durable, or will be when the caller's transaction commits."""

    job_id: str
    job_name: str
    queue: str


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A handler is about to be called."""

    context: JobContext


@dataclass(frozen=True, slots=True)
class JobReturned:
    """A handler came to its end after ``seconds``."""

    context: JobContext
    result: Any
    seconds: float


@dataclass(frozen=True, slots=True)
class JobRaised:
    """A handler failed or ran out of time after ``seconds``."""

    context: JobContext
    error: BaseException
    seconds: float


@dataclass(frozen=True, slots=True)
class JobSettled:
    """The outcome of an attempt is durable."""

    job_id: str
    job_name: str
    queue: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """An outcome was refused: the job belongs to another attempt by now."""

    job_id: str
    job_name: str


@dataclass(frozen=True, slots=True)
class JobRescued:
    """A job was taken back from a worker that is gone."""

    job_id: str
    job_name: str
    worker_id: str
    buried: bool


class RunningWorker(Protocol):
    """A worker of this process, to be looked at from any thread."""

    @property
    def concurrency(self) -> int:
        """How many handlers it runs at most."""
        ...

    @property
    def running(self) -> int:
        """How many handlers it runs now."""
        ...

    @property
    def listening(self) -> bool:
        """Whether it is roused by others at once, and need not look for jobs so often."""
        ...

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of its loops that have ended although it is to go on; there should be none."""
        ...

    @property
    def ended(self) -> bool:
        """Whether it has come to its end."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A worker is registered and begins to claim jobs."""

    worker_id: str
    worker: RunningWorker


@dataclass(frozen=True, slots=True)
class LoopBlocked:
    """The worker's event loop turns again after it stood still for ``seconds``.

    The job is None where it could have been one of several. ``stack``: where the loop stood after
    the first second; empty where nobody could look, because the whole process stood still.
    """

    job_id: str | None
    job_name: str | None
    seconds: float
    stack: str


@dataclass(frozen=True, slots=True)
class ScheduleFired:
    """A tick was fired; ``job_id`` is None where a waiting unique job stood for it."""

    name: str
    queue: str
    tick: datetime
    job_id: str | None


@dataclass(frozen=True, slots=True)
class ScheduleMissed:
    """So many ticks of a schedule were not fired, since nobody could at their time."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class PassFailed:
    """A pass of a background loop raised; the loop goes on."""

    loop: str
    error: BaseException


Event = (
    JobEnqueued
    | JobStarted
    | JobReturned
    | JobRaised
    | JobSettled
    | LeaseLost
    | JobRescued
    | WorkerStarted
    | LoopBlocked
    | ScheduleFired
    | ScheduleMissed
    | PassFailed
)
E = TypeVar("E")
Listener = Callable[[Any], Awaitable[None] | None]


class Events:
    """The listeners of one app."""

    def __init__(self) -> None:
        self._listeners: dict[type[Any], list[Listener]] = {}

    def on(self, kind: type[E], listener: Callable[[E], Awaitable[None] | None]) -> None:
        """Call ``listener`` (a function or coroutine function) with every event of that class."""
        self._listeners.setdefault(kind, []).append(listener)

    def wanted(self, kind: type[Any]) -> bool:
        """Tell whether anybody listens: what nobody hears need not be made."""
        return kind in self._listeners

    async def emit(self, event: Event) -> None:
        """Call the listeners one after another; one that raises is logged and forgotten."""
        for listener in self._listeners.get(type(event), ()):
            try:
                answer = listener(event)
                if inspect.isawaitable(answer):
                    await answer
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
                    raise
                name = type(event).__name__
                logger.warning("Listener %r of %s failed", listener, name, exc_info=error)


def is_being_cancelled() -> bool:
    """Tell whether somebody asked the running task to end (and it did not raise that by itself)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
