"""Count handlers across processes and threads, in a file that all of them map into memory.

The file is made by the bench, and named to the workers by ``BENCH_TALLY``. It holds a table of
slots, one for each process that runs handlers, and after it, where they are asked for, a time for
each job. Times are those of ``time.monotonic``, which on Linux is one clock for all processes.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import time
from pathlib import Path

VARIABLE = "BENCH_TALLY"
SLOTS = 128
# Counts of the slots and, last, how many slots are taken; then the time of each slot's first run.
COUNTS = 8 * (SLOTS + 1)
HEAD = COUNTS + 8 * SLOTS


class Tally:
    """The counts of one run; ``stamps`` holds when each job was started first, or nothing."""

    @staticmethod
    def make(path: Path, stamps: int = 0) -> Tally:
        """Make the file for a run with so many jobs to stamp, and open it."""
        path.write_bytes(bytes(HEAD + 8 * stamps))
        return Tally(path)

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0))
        self._path = path
        self._counts = view[:COUNTS].cast("Q")
        self._firsts = view[COUNTS:HEAD].cast("d")
        self._stamps = view[HEAD:].cast("d")
        self._slot: int | None = None
        self._lock = threading.Lock()

    def hit(self, number: int) -> None:
        """Count the start of a handler."""
        with self._lock:
            slot = self._slot
            if slot is None:
                slot = self._slot = self._take_slot()
                self._firsts[slot] = time.monotonic()
            self._counts[slot] += 1
        if number < len(self._stamps) and not self._stamps[number]:
            self._stamps[number] = time.monotonic()

    def _take_slot(self) -> int:
        with self._path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            slot = self._counts[SLOTS]
            self._counts[SLOTS] = slot + 1
        return slot

    def total(self) -> int:
        """Return how many handlers have been started."""
        return sum(self._counts[:SLOTS])

    def first(self) -> float:
        """Return when the first handler was started."""
        return min(first for first in self._firsts if first)

    def stamps(self) -> list[float]:
        """Return when each job was started first; 0 for those that were not."""
        return list(self._stamps)


_tally: Tally | None = None


def hit(number: int) -> None:
    """Count the start of a handler in the tally of this run."""
    global _tally  # noqa: PLW0603 - made where handlers run, which may be a child of a fork
    if _tally is None:
        _tally = Tally(Path(os.environ[VARIABLE]))
    _tally.hit(number)
