"""Wake-ups between processes: a named pipe beside the database for each handle that waits for work.

Only a help: where there can be none, or a ring gets lost, whoever waits looks at the file himself.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import stat
import sys
import threading
import time
import weakref
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from soniq.backends.bells import Bells

# Bytes that a pipe takes as a whole or not at all (POSIX promises 512, Linux 4096).
WHOLE = 4096
# A folder that was changed so recently may have been changed again within the same tick of the
# file system's clock: what was read of it is not to be relied on.
SETTLED_NS = 100_000_000


class Doorbell:
    """The pipe of one handle: others write the names of queues into it."""

    def __init__(self, folder: Path, mode: int) -> None:
        """Hang it up for those who may write by ``mode``; OSError where that can't be done."""
        self.file = folder / secrets.token_hex(8)
        self._pid = os.getpid()
        self._pipe = made(self.file, mode)
        self._loops: dict[asyncio.AbstractEventLoop, int] = {}
        self.take_down = weakref.finalize(self, take_down, self.file, self._pipe, self._pid)

    @property
    def is_inherited(self) -> bool:
        """Whether this process is a fork of the one that has made it."""
        return os.getpid() != self._pid

    @contextmanager
    def heard(self, ring: Callable[[Collection[str]], None]) -> Generator[bool]:
        """Call ``ring`` within the block with the names that arrive, also since the last block.

        False where this event loop can't watch a pipe.
        """
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(self._pipe, self._read, ring)
        except NotImplementedError:
            yield False
            return
        self._loops[loop] = self._loops.get(loop, 0) + 1
        try:
            yield True
        finally:
            self._loops[loop] -= 1
            if not self._loops[loop]:
                del self._loops[loop]
                loop.remove_reader(self._pipe)

    def _read(self, ring: Callable[[Collection[str]], None]) -> None:
        with suppress(BlockingIOError):  # somebody else in this process was faster
            text = os.read(self._pipe, 1 << 16).decode(errors="replace")
            ring(set(text.split("\n")) - {""})


def made(file: Path, mode: int) -> int:
    """Make a pipe in a folder that is made where it is missing; return it open."""
    if sys.platform == "win32":
        message = "there are no named pipes in the file system"
        raise OSError(message)
    hidden = file.with_name(f".{file.name}")
    file.parent.mkdir(exist_ok=True)
    os.mkfifo(hidden)
    try:
        hidden.chmod(mode)
        # Open for writing too: else it would end with the last of those who ring.
        pipe = os.open(hidden, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        # Seen only now: a pipe that nobody reads is taken for that of a dead process.
        hidden.rename(file)
    except OSError:
        hidden.unlink(missing_ok=True)
        raise
    return pipe


def take_down(file: Path, pipe: int, pid: int) -> None:
    """Close a pipe; delete it, unless this process is only a fork of the one that has made it."""
    os.close(pipe)
    if os.getpid() == pid:
        file.unlink(missing_ok=True)
        with suppress(OSError):  # others wait too
            file.parent.rmdir()


class Doorbells(Bells):
    """All bells of one file: those in this process, and the pipes of the other processes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._folder = path.with_name(f"{path.name}-bells")
        self._own: set[str] = set()
        self._pid = os.getpid()
        self._pipes: dict[str, int] = {}
        self._seen: int | None = None
        self._ringing = threading.Lock()
        weakref.finalize(self, close_all, self._pipes)

    def hang_out(self) -> Doorbell | None:
        """Return a new pipe through which other processes can ring; None where there can't be."""
        try:
            # Whoever may write to the file may ring.
            doorbell = Doorbell(self._folder, stat.S_IMODE(self._path.stat().st_mode))
        except OSError:
            return None
        with self._ringing:
            self._forget_parent()
            self._own.add(doorbell.file.name)
        return doorbell

    def ring(self, queues: Collection[str]) -> None:
        """Ring every bell for the queues, in this process and in others."""
        super().ring(queues)
        # Where nobody waits in another process, there is no folder.
        if self._pipes or os.access(self._folder, os.F_OK):
            self._ring_others(queues)

    def _ring_others(self, queues: Collection[str]) -> None:
        with self._ringing, suppress(OSError):
            self._forget_parent()
            self._look_round()
            if self._pipes:
                for message in messages(queues):
                    self._send(message)

    def _forget_parent(self) -> None:
        """After a fork, what was our own is another process's."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._own.clear()
            self._seen = None

    def _look_round(self) -> None:
        try:
            changed = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            changed = None
        if changed is not None and changed == self._seen:
            return
        there = self._folder.iterdir() if changed is not None else ()
        names = {file.name for file in there} - self._own
        for gone in self._pipes.keys() - names:
            os.close(self._pipes.pop(gone))
        for new in names - self._pipes.keys():
            pipe = None if new.startswith(".") else opened(self._folder / new)
            if pipe is not None:
                self._pipes[new] = pipe
        is_settled = changed is not None and time.time_ns() - changed > SETTLED_NS
        self._seen = changed if is_settled else None

    def _send(self, message: bytes) -> None:
        for name, pipe in list(self._pipes.items()):
            try:
                os.write(pipe, message)
            except BlockingIOError:
                continue  # full: it has been rung for often enough
            except BrokenPipeError:
                os.close(self._pipes.pop(name))
                with suppress(OSError):
                    (self._folder / name).unlink()


def opened(file: Path) -> int | None:
    """Open the pipe of another process; delete one whose process is gone."""
    try:
        pipe = os.open(file, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a pipe that nobody reads
            with suppress(OSError):
                file.unlink()
        return None
    if stat.S_ISFIFO(os.fstat(pipe).st_mode):
        return pipe
    os.close(pipe)
    return None


def messages(queues: Collection[str]) -> list[bytes]:
    """Return names of queues, a line for each, in pieces that a pipe takes as a whole."""
    pieces = [b""]
    for queue in queues:
        line = f"{queue}\n".encode()
        if len(pieces[-1]) + len(line) > WHOLE:
            pieces.append(b"")
        pieces[-1] += line
    return pieces


def close_all(pipes: dict[str, int]) -> None:
    """Close what was opened to ring."""
    for pipe in pipes.values():
        os.close(pipe)
