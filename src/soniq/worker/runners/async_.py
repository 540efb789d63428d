"""Run coroutine functions on the worker's event loop."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from soniq.task import Task
from soniq.worker.runners import Call, Slot


class AsyncRunner:
    """Awaits the handler in the calling task; cancelling that task cancels the handler."""

    def __init__(self) -> None:
        self._always: AbstractAsyncContextManager[Slot] = nullcontext(self)

    def slot(self, _task: Task[Any, Any], /) -> AbstractAsyncContextManager[Slot]:
        """There is always room: the worker's concurrency is the only limit."""
        return self._always

    def call(self, call: Call) -> Awaitable[Any]:
        """Return the handler's own coroutine."""
        coroutine: Awaitable[Any] = call.task.handler(**call.arguments)
        return coroutine

    def close(self) -> bool:
        """There is nothing to give back."""
        return True
