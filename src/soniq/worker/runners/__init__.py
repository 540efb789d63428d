"""Ways to run a handler: on the event loop, in a thread, or in a process of its own."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from soniq.context import JobContext
from soniq.task import Task


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a task's handler: its arguments, also as they are stored, and its context."""

    task: Task[Any, Any]
    arguments: dict[str, Any]
    stored: str
    context: JobContext


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a handler returned, where it was encoded already; ``value`` is that JSON in Python.

    Without ``text`` the result could not be encoded, and ``problem`` says why.
    """

    text: str | None
    problem: str | None
    value: Any

    @classmethod
    def of(cls, text: str | None, problem: str | None) -> Encoded:
        """Decode a result."""
        return cls(text, problem, None if text is None else json.loads(text))


class Slot(Protocol):
    """A place to run one job in."""

    async def call(self, call: Call) -> Any:
        """Return what the handler returns (or that as ``Encoded``), or raise what it raises.

        When the calling task is cancelled, CancelledError is raised only once the handler has
        really ended.

        Raises:
            HandlerFailed: the handler raised where only text comes back from.
            WorkerCrashed: the handler's process ended under it.
        """
        ...


class Runner(Protocol):
    """Runs handlers in one way and owns what it needs for that."""

    def slot(self, task: Task[Any, Any], /) -> AbstractAsyncContextManager[Slot]:
        """Wait until a job of this task can start; the time spent here is not the job's."""
        ...

    def close(self) -> bool:
        """Give everything back; False if a handler could not be stopped and still runs."""
        ...
