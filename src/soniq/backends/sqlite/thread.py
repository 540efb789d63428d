"""One thread that does what event loops hand to it, many calls at a time, and answers in one go."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

# Calls that are done together at most: those that come later must not wait for ever.
GROUP_LIMIT = 100


class Call(Generic[T]):
    """A piece of work for the thread, and the future of who waits for it in an event loop."""

    __slots__ = ("error", "future", "loop", "results", "work", "writes")

    def __init__(self, work: Callable[[], T], *, writes: bool = False) -> None:
        self.work = work
        self.writes = writes
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.results: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do the work and keep its result until it may be told."""
        self.results.append(self.work())

    def tell(self) -> None:
        """Wake whoever waits; to be called in its event loop."""
        if self.future.done():
            return  # it has gone away
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.results[0])


class Thread:
    """Lets ``do`` see to the calls that have arrived, in their order, until it is stopped.

    ``do`` is a bound method, and is told of all at once that wait when it is free. It may not
    raise. The thread ends by itself when nobody holds this object any more.
    """

    def __init__(self, do: Callable[[list[Call[Any]]], None]) -> None:
        self._inbox: SimpleQueue[Call[Any] | None] = SimpleQueue()
        # Nothing in the thread may keep the owner of ``do`` alive.
        thread = threading.Thread(
            target=serve,
            args=(self._inbox, weakref.WeakMethod(do)),
            name="soniq-sqlite",
            daemon=True,
        )
        thread.start()
        # Also when the interpreter ends, so that no statement runs while it is taken apart.
        self._end = weakref.finalize(self, end, thread, self._inbox)

    def put(self, call: Call[Any]) -> None:
        """Hand over a call."""
        self._inbox.put(call)

    def stop(self) -> None:
        """Return when all that was handed over is done and the thread has ended."""
        self._end()


def serve(inbox: SimpleQueue[Call[Any] | None], do: weakref.WeakMethod[Any]) -> None:
    """Hand calls on until there comes a None, or there is nobody left to do them."""
    while True:
        group = [inbox.get()]
        group += [inbox.get() for _ in range(min(inbox.qsize(), GROUP_LIMIT - 1))]
        calls = [call for call in group if call is not None]
        if calls and (see_to := do()):
            see_to(calls)
        see_to = None
        if len(calls) < len(group):
            return


def end(thread: threading.Thread, inbox: SimpleQueue[Call[Any] | None]) -> None:
    """End the thread once its inbox is empty."""
    inbox.put(None)
    if thread is not threading.current_thread():
        thread.join()


def answer(calls: Sequence[Call[Any]]) -> None:
    """Let everybody know what came of their calls: one wake-up for each event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Call[Any]]] = {}
    for call in calls:
        loops.setdefault(call.loop, []).append(call)
    for loop, its in loops.items():
        # A loop that was closed under its callers has nobody left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, its)


def tell(calls: Sequence[Call[Any]]) -> None:
    """Wake those who wait in this event loop."""
    for call in calls:
        call.tell()
