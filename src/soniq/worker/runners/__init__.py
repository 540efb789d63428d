"""Ways to run a handler: on the event loop, in a thread, or in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from soniq.context import RunningJob
from soniq.task import Task


class Call(NamedTuple):
    """One call of a task's handler: its arguments, also as they are stored, and its run."""

    task: Task[Any, Any]
    arguments: dict[str, Any]
    stored: str
    run: RunningJob


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

    def call(self, call: Call) -> Awaitable[Any]:
        """Run the handler, once awaited: return its value (or that as ``Encoded``), or raise.

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
