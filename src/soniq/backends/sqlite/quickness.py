"""Whether the disk is quicker than the way to another thread and back."""

from __future__ import annotations

# Seconds. The way there and back takes 0.2 ms of processor time, for much of which the event loop
# stands still anyway. A write that takes longer than this is worth it.
QUICK = 0.001
# As much counts of a single write: a checkpoint of the log makes one of some hundreds slow.
MOST = 2 * QUICK
# Of what is expected, the part that each write makes anew.
WEIGHT = 1 / 8
FIRST_REST, LONGEST_REST = 1.0, 64.0


class Quickness:
    """Tells whether to write in the thread of the event loop, by how long that took lately.

    Where it took too long it is tried again after a second, and each try that is slow doubles the
    rest. So a slow disk, or a file that others write to all the time, stops an event loop for four
    writes at first and for one a minute later.
    """

    def __init__(self) -> None:
        self._usual = QUICK / 2
        self._rest = FIRST_REST
        self._rests_until = 0.0

    def is_quick(self, now: float) -> bool:
        """Tell whether the next write is expected to be quick; ``now`` in seconds of any clock."""
        return now >= self._rests_until

    def note(self, seconds: float, now: float) -> None:
        """Learn how long a write took that has just ended."""
        self._usual += (min(seconds, MOST) - self._usual) * WEIGHT
        if seconds < QUICK:
            self._rest = FIRST_REST
        elif self._usual >= QUICK:
            self._rests_until = now + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
