"""Run handlers in processes that can be killed, and whose crash costs one job."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from soniq.context import LUGGAGE
from soniq.errors import HandlerFailed, HandlerFailedForGood, InvalidHandler, WorkerCrashed
from soniq.outcome import Snooze
from soniq.task import Task, find_handler, not_found
from soniq.worker.runners import Call, Encoded
from soniq.worker.runners.pipe import Message, write_context
from soniq.worker.runners.spawn import Child

# For a process to start and to import the module of a handler.
START_SECONDS = 60.0


class ProcessRunner:
    """Keeps up to ``size`` processes; they are started when needed and used again and again."""

    def __init__(self, size: int) -> None:
        self._slots = asyncio.Semaphore(size)
        self._idle: list[Child] = []
        self._children: set[Child] = set()
        self._closed = False

    @asynccontextmanager
    async def slot(self, task: Task[Any, Any], /) -> AsyncGenerator[ProcessSlot]:
        """Wait for a process that has imported the task's handler.

        Raises:
            InvalidHandler: the handler can't be found again by module and name.
            HandlerFailed: its module can't be imported.
            WorkerCrashed: the process ended over it.
        """
        async with self._slots, self.lend(task) as child:
            yield ProcessSlot(self, child)

    @asynccontextmanager
    async def lend(self, task: Task[Any, Any]) -> AsyncGenerator[Child]:
        """Lend a living process that knows the task's handler."""
        child = self._take()
        try:
            if task.name not in child.knows:
                await introduce(child, task)
            yield child
        finally:
            self._put_back(child)

    def close(self) -> bool:
        """Kill all processes; False if one could not be killed."""
        self._closed = True
        children = list(self._children)
        for child in children:
            child.kill()
        ended = [child.close() for child in children]
        return all(ended)

    def _take(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.idle:
                return child
        if self._closed:
            message = "The worker has ended: it starts no more processes."
            raise RuntimeError(message)
        child = Child()
        self._children.add(child)
        child.gone.add_done_callback(lambda _: self._children.discard(child))
        return child

    def _put_back(self, child: Child) -> None:
        if child.idle:
            self._idle.append(child)
        else:
            # Gone, or a middleware has left its call alone: then nobody would take the answer.
            child.kill()


class ProcessSlot:
    """A process for one job."""

    def __init__(self, runner: ProcessRunner, child: Child) -> None:
        self._runner = runner
        self._child = child

    async def call(self, call: Call) -> Any:
        """Return what the handler returns there; cancelled, it kills the process.

        Raises:
            HandlerFailed: with what the handler raised, as text.
            WorkerCrashed: the process ended under the handler.
        """
        question = address(call.task) | {
            "args": call.stored,
            "context": write_context(call.run.context),
            "luggage": packed(),
        }
        if self._child.idle:
            return read_answer(await self._child.ask(question))
        # A middleware calls once more, and the first call has cost the process, or still runs.
        async with self._runner.lend(call.task) as child:
            return read_answer(await child.ask(question))


async def introduce(child: Child, task: Task[Any, Any]) -> None:
    """Have the process import a handler, before anybody's time for the job runs.

    Raises:
        InvalidHandler: the handler can't be found again by module and name.
        HandlerFailed: its module can't be imported.
        WorkerCrashed: the process ended over it, or took too long.
    """
    question = address(task)
    if find_handler(**question) != task.handler:
        raise InvalidHandler(not_found(**question))
    if question["module"] == "__main__":
        question["main"] = main_script()
    try:
        async with asyncio.timeout(START_SECONDS):
            read_answer(await child.ask(question))
    except TimeoutError:
        message = (
            f"the process of this job had not imported {question['module']} "
            f"after {START_SECONDS:g} s"
        )
        raise WorkerCrashed(message) from None
    child.knows.add(task.name)


def address(task: Task[Any, Any]) -> Message:
    """Return where another process finds the handler: as the code says, never as a row does."""
    handler = task.handler
    return {"module": handler.__module__, "qualname": handler.__qualname__, "task": task.name}


def packed() -> list[Message]:
    """Return what is to surround the handler there, each with the function that sees to it."""
    return [
        {
            "module": luggage.unpack.__module__,
            "qualname": luggage.unpack.__qualname__,
            "facts": dict(luggage.pack()),
        }
        for luggage in LUGGAGE.get()
    ]


def main_script() -> Message:
    """Return what another process needs in order to import the main script of this one."""
    from multiprocessing.spawn import get_preparation_data  # noqa: PLC0415 - few need it

    facts = get_preparation_data("soniq")
    return {name: fact for name, fact in facts.items() if name.startswith("init_main_from_")}


def read_answer(answer: Message) -> Any:
    """Return what the process says that the handler returned, or raise what it says it raised."""
    match answer:
        case {"summary": summary, "traceback": traceback, "permanent": permanent}:
            kind = HandlerFailedForGood if permanent else HandlerFailed
            raise kind(summary, traceback)
        case {"snooze": seconds}:
            return Snooze(seconds)
        case {"result": result, "problem": problem}:
            return Encoded.of(result, problem)
        case _:
            return None
