"""Time, chance and ids come from one object, so that tests can replace all three."""

from __future__ import annotations

import os
import random
import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the rest of Soniq may know about time and chance."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...

    def pinned(self) -> datetime | None:
        """Return the moment that a database must take for its own, or None to let it tell the time.

        Only a test's clock pins. Otherwise the database decides what is due, so that hosts whose
        clocks differ agree.
        """
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring durations."""
        ...

    def random(self) -> float:
        """Return a number from [0, 1)."""
        ...

    def new_id(self) -> str:
        """Return a fresh UUIDv7 string; ids of one process sort in the order they were made."""
        ...

    def new_ids(self, count: int) -> list[str]:
        """Return so many fresh ids, in order."""
        ...


class SystemClock:
    """The real clock of this host."""

    def __init__(self) -> None:
        self.ids = IdSequence()

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def pinned(self) -> datetime | None:
        """Return None: the database tells the time."""
        return None

    def monotonic(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def random(self) -> float:
        """Return a number from [0, 1)."""
        return random.random()  # noqa: S311 - jitter, not a secret

    def new_id(self) -> str:
        """Return a fresh UUIDv7 string."""
        return self.ids.next(time.time_ns() // 1_000_000)

    def new_ids(self, count: int) -> list[str]:
        """Return so many fresh ids, in order."""
        return self.ids.several(time.time_ns() // 1_000_000, count)


class IdSequence:
    """UUIDv7 in strict order per process, also when the host's clock steps back.

    RFC 9562 §6.2, method 2: of the 74 random bits below the timestamp, the last 62 are a counter
    that starts at a random place every millisecond and is incremented by a random step within it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seed()
        self._millisecond = 0
        self._head = ""
        self._counter = 0

    def next(self, millisecond: int) -> str:
        """Return the next id for a Unix time in milliseconds."""
        with self._lock:
            if millisecond > self._millisecond or os.getpid() != self._pid:
                self._start(millisecond)
            self._counter += 1 + self._bits(32)
            digits = f"{self._counter:016x}"
            return f"{self._head}{digits[:4]}-{digits[4:]}"

    def several(self, millisecond: int, count: int) -> list[str]:
        """Return the next ids for a Unix time in milliseconds."""
        with self._lock:
            if millisecond > self._millisecond or os.getpid() != self._pid:
                self._start(millisecond)
            head, bits, counter = self._head, self._bits, self._counter
            ids: list[str] = []
            for _ in range(count):
                counter += 1 + bits(32)
                digits = f"{counter:016x}"
                ids.append(f"{head}{digits[:4]}-{digits[4:]}")
            self._counter = counter
            return ids

    def _start(self, millisecond: int) -> None:
        if os.getpid() != self._pid:
            self._seed()
        self._millisecond = max(millisecond, self._millisecond)
        digits = f"{self._millisecond & (1 << 48) - 1:012x}"
        self._head = f"{digits[:8]}-{digits[8:]}-7{self._bits(12):03x}-"
        # Below the two bits of the variant one stays free, so that the counter can't overflow
        # within a millisecond.
        self._counter = 0b10 << 62 | self._bits(61)

    def _seed(self) -> None:
        # Asking the system for every id costs more than the id; a forked child must not repeat.
        self._pid = os.getpid()
        self._bits = random.Random(os.urandom(32)).getrandbits  # noqa: S311 - ids are no secrets
