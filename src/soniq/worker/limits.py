"""When a worker has done enough: after so many jobs, or with so much memory."""

from __future__ import annotations

import logging
import os
import resource
import sys
from pathlib import Path

from soniq.clock import Clock
from soniq.errors import InvalidOption

logger = logging.getLogger("soniq.worker")

MIB = 1024 * 1024
STATM = Path("/proc/self/statm")
# How often the memory is looked at: many jobs are shorter than the look.
LOOK_SECONDS = 0.5


class Limits:
    """Counts jobs, and looks at the memory, in MiB, after each and from time to time.

    ``reason`` is ``max_jobs`` or ``max_rss`` once there is enough, before it is None.
    """

    def __init__(self, max_jobs: int | None, max_rss: int | None, clock: Clock) -> None:
        self._max_jobs = check_limit("max_jobs", max_jobs)
        self._max_rss = check_limit("max_rss", max_rss)
        self._clock = clock
        self._jobs = 0
        self._look_at = clock.monotonic()
        self.reason: str | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return self._max_jobs is not None or self._max_rss is not None

    @property
    def of_memory(self) -> bool:
        """Whether there is a limit of memory to look at."""
        return self._max_rss is not None

    def reached_by_a_job(self) -> bool:
        """Count one more job that has ended; tell whether it was the one that made it enough."""
        self._jobs += 1
        return self.reason is None and (self._is_spent() or self.reached_by_memory())

    def reached_by_memory(self) -> bool:
        """Tell whether the memory has become too much by now.

        Never before the first job: a process that is too large from the start would only be
        replaced by its like.
        """
        now = self._clock.monotonic()
        early = not self._jobs or now < self._look_at
        if self._max_rss is None or self.reason is not None or early:
            return False
        self._look_at = now + LOOK_SECONDS
        size = resident()
        if size <= self._max_rss * MIB:
            return False
        logger.info(
            "%d MiB of memory are resident (max_rss: %d): finishing running jobs",
            size // MIB, self._max_rss,
        )  # fmt: skip
        self.reason = "max_rss"
        return True

    def _is_spent(self) -> bool:
        if self._max_jobs is None or self._jobs < self._max_jobs:
            return False
        logger.info("%d job(s) have ended (max_jobs): finishing running jobs", self._jobs)
        self.reason = "max_jobs"
        return True


def resident() -> int:
    """Return the bytes of memory that this process holds; without ``/proc``, ever held at most."""
    now = resident_now()
    if now is not None:
        return now
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def resident_now() -> int | None:
    """Return the bytes of memory that this process holds, None where there is no ``/proc``."""
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):  # a heartbeat must not fail for that
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def check_limit(name: str, number: object) -> int | None:
    """Return a limit, None for none, or raise InvalidOption."""
    if number is None:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        message = f"{name}={number!r}: give a whole number, 1 or more, or None for no limit."
        raise InvalidOption(message)
    return number
