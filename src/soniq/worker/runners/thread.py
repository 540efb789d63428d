"""Run plain functions in a pool of threads, so that they never block the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event
from typing import Any

from soniq.context import STOP
from soniq.task import Task
from soniq.worker.runners import Call


@dataclass(frozen=True, slots=True)
class Thrown:
    """An exception on its way from the thread: as a value, since futures can't carry every kind."""

    error: BaseException


class ThreadRunner:
    """Calls the handler in a thread with the caller's context variables.

    A thread can't be stopped from outside. A cancelled call therefore raises the flag behind
    ``JobContext.should_stop`` and waits until the handler has come to its end by itself: the job
    must not run a second time while its thread still works.
    """

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="soniq-handler")
        self._slots = asyncio.Semaphore(size)
        self._running = 0
        self._closed = False

    @asynccontextmanager
    async def slot(self, _task: Task[Any, Any], /) -> AsyncGenerator[ThreadRunner]:
        """Wait for a free thread."""
        async with self._slots:
            yield self

    async def call(self, call: Call) -> Any:
        """Return what the handler returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        self._running += 1
        try:
            stop = Event()
            context = copy_context()
            context.run(STOP.set, stop)
            future = loop.run_in_executor(
                self._pool, lambda: context.run(shelter, call.task.handler, call.arguments)
            )
            answer = await self._outlast(future, stop)
        finally:
            self._running -= 1
        if isinstance(answer, Thrown):
            raise answer.error
        return answer

    def close(self) -> bool:
        """Let the threads go; False if one still runs a handler."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        return self._running == 0

    async def _outlast(self, future: asyncio.Future[Any], stop: Event) -> Any:
        """Await the future to its end, also when cancelled meanwhile; then let that go on.

        Once the runner is closed nobody waits any more: the worker has given the job up.
        """
        cancelled: asyncio.CancelledError | None = None
        while not future.done():
            try:
                await asyncio.shield(future)
            except asyncio.CancelledError as error:
                cancelled = error
                stop.set()
                if self._closed:
                    break
        if cancelled is not None:
            raise cancelled
        return future.result()


def shelter(handler: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call the handler; return what it raises instead of raising it."""
    try:
        return handler(**arguments)
    except BaseException as error:  # noqa: BLE001 - StopIteration and SystemExit break futures
        return Thrown(error)
