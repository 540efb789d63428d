"""The process of a job, seen from its worker: started, asked one thing at a time, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress

from soniq.errors import WorkerCrashed
from soniq.worker.runners.pipe import Message, Unpacker, cause_of_end, pack

CHUNK = 1 << 18
# How long a killed process may take to be gone before nobody waits for it any more.
CLOSE_SECONDS = 2.0


class Child:
    """A process that answers questions; it belongs to the event loop that it is made in.

    ``gone`` is done once it has ended, with its return code. ``knows`` holds the names of the tasks
    whose handlers it has imported.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._process, self._pipe = start()
        self._unpacker = Unpacker()
        self._answer: asyncio.Future[Message] | None = None
        self.gone: asyncio.Future[int] = self._loop.create_future()
        self.knows: set[str] = set()
        self._loop.add_reader(self._pipe, self._on_readable)
        self._handle = open_handle(self._process.pid)
        if self._handle is not None:
            self._loop.add_reader(self._handle, self._on_end)

    @property
    def idle(self) -> bool:
        """Whether it lives and nobody waits for an answer."""
        return self._answer is None and not self.gone.done()

    async def ask(self, question: Message) -> Message:
        """Return the answer. Cancelled, it kills the process and ends when that is gone.

        Raises:
            WorkerCrashed: the process ended instead.
        """
        answer: asyncio.Future[Message] = self._loop.create_future()
        self._answer = answer
        try:
            # Who is gone can't be written to, but may have answered before; _on_end knows.
            with suppress(OSError):
                await self._loop.sock_sendall(self._pipe, pack(question))
            return await answer
        except asyncio.CancelledError:
            self.kill()
            await self._outlast()
            raise
        finally:
            self._answer = None
            if self.gone.done():
                self._pipe.close()

    def kill(self) -> None:
        """Kill the process; nothing happens where it has ended."""
        self._process.kill()

    def close(self) -> bool:
        """Kill the process and wait for its end; False if it does not come."""
        self.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_SECONDS)
        ended = self._process.poll() is not None
        self._let_go()
        return ended

    async def _outlast(self) -> None:
        if self._handle is None:
            self._process.wait()  # it was killed, and no other news of its end is certain
            self._on_end()
        while not self.gone.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self.gone)

    def _on_readable(self) -> None:
        with suppress(BlockingIOError):
            if self._receive():
                return
        # It has hung up: it is ending, or no longer to be spoken to.
        self._loop.remove_reader(self._pipe)
        self.kill()
        if self._handle is None:
            self._process.wait()
            self._on_end()

    def _on_end(self) -> None:
        if self._process.poll() is not None:
            self._let_go()

    def _receive(self) -> bool:
        """Take a piece of what has arrived; False if nothing more will.

        Raises:
            BlockingIOError: nothing is there yet.
        """
        try:
            data = self._pipe.recv(CHUNK)
            for message in self._unpacker.feed(data):
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(message)
        except BlockingIOError:
            raise
        except (OSError, ValueError):
            return False
        return bool(data)

    def _let_go(self) -> None:
        if self.gone.done():
            return
        # What it said before its end counts.
        with suppress(BlockingIOError):
            while self._receive():
                pass
        self._loop.remove_reader(self._pipe)
        if self._handle is not None:
            self._loop.remove_reader(self._handle)
            os.close(self._handle)
        # Ends a sending that is under way; closed while it is, the socket would leave it hanging.
        with suppress(OSError):
            self._pipe.shutdown(socket.SHUT_RDWR)
        code = self._process.returncode
        self.gone.set_result(-signal.SIGKILL if code is None else code)
        if self._answer is None:
            self._pipe.close()
        elif not self._answer.done():
            self._answer.set_exception(WorkerCrashed(cause_of_end(self.gone.result())))


def start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a fresh interpreter on ``child.main``; return it with the worker's end of its pipe.

    Raises:
        OSError: the system has no more processes or memory.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)  # noqa: FBT003 - the name of the call says it
    program = (
        f"import sys; sys.path[:] = {[*map(str, sys.path)]!r}; "
        f"from soniq.worker.runners.child import main; main({theirs.fileno()})"
    )
    try:
        with theirs, signals_held_back():
            process = subprocess.Popen(  # noqa: S603 - the program is the one above
                [sys.executable, *interpreter_flags(), "-c", program],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
    except BaseException:
        ours.close()
        raise
    return process, ours


@contextmanager
def signals_held_back() -> Generator[None]:
    """Hold SIGINT and SIGTERM back: a process that is started here has to be able to ignore them.

    It inherits the mask, and lets the signals through once it is ready for them.
    """
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def interpreter_flags() -> list[str]:
    """Return the options with which this interpreter was started (-O, -W, -X, …)."""
    # Python's own; multiprocessing starts its processes by it.
    flags: list[str] = getattr(subprocess, "_args_from_interpreter_flags")()  # noqa: B009
    return flags


def open_handle(pid: int) -> int | None:
    """Return a file that is readable once the process has ended, where the system has such files.

    Elsewhere the end of the pipe tells the same, if nobody else has inherited it.
    """
    if sys.platform != "linux":
        return None
    with suppress(OSError):
        return os.pidfd_open(pid)
    return None
