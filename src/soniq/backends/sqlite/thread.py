"""One thread that does what event loops hand to it, and answers many calls with one wake-up."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")


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
        """Do the work unless its caller has gone; keep the result until it may be told."""
        if not self.future.cancelled():
            self.results.append(self.work())

    def tell(self) -> None:
        """Wake whoever waits; to be called in its event loop."""
        if self.future.done():
            return  # it has gone away
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.results[0])


class Inbox:
    """Calls on their way into the thread, in the order in which they were made."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Call[Any] | None] = SimpleQueue()
        self._ahead: list[Call[Any] | None] = []

    def put(self, call: Call[Any] | None) -> None:
        """Hand over a call from any thread, or None after the last one."""
        self._queue.put(call)

    @property
    def empty(self) -> bool:
        """Whether no call is on its way, though one may be under way."""
        return not self._ahead and self._queue.empty()

    def take(self) -> Call[Any] | None:
        """Wait for the next call and return it; None after the last one."""
        return self._ahead.pop() if self._ahead else self._queue.get()

    def take_write(self) -> Call[Any] | None:
        """Return the next call if it has arrived and writes, else None."""
        if not self._ahead and not self._queue.empty():
            self._ahead.append(self._queue.get())
        following = self._ahead[0] if self._ahead else None
        return self._ahead.pop() if following is not None and following.writes else None


class Thread:
    """Lets ``do`` see to the next call, and to those of the inbox that go with it, until stopped.

    ``do`` is a bound method that may not raise. The thread ends by itself when nobody holds this
    object any more.
    """

    def __init__(self, do: Callable[[Call[Any], Inbox], None]) -> None:
        self._inbox = Inbox()
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

    @property
    def idle(self) -> bool:
        """Whether nothing waits for the thread, though it may be at work."""
        return self._inbox.empty

    def put(self, call: Call[Any]) -> None:
        """Hand over a call."""
        self._inbox.put(call)

    def stop(self) -> None:
        """Return when all that was handed over is done and the thread has ended."""
        self._end()


def serve(inbox: Inbox, do: weakref.WeakMethod[Any]) -> None:
    """Hand calls on until there are no more, or there is nobody left to do them."""
    while (call := inbox.take()) is not None:
        see_to = do()
        if see_to is None:
            return
        see_to(call, inbox)
        # While it waits it must hold neither the owner nor what a caller has asked for.
        del see_to, call


def end(thread: threading.Thread, inbox: Inbox) -> None:
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
