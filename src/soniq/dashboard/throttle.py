"""How often somebody may guess: a few wrong keys a minute from each address."""

from __future__ import annotations

from collections import OrderedDict, deque

from soniq.clock import Clock

FAILURES = 10
SECONDS = 60.0
# So many addresses are remembered; whoever has more of them gets further, but never fills memory.
MOST_ADDRESSES = 4096


class Throttle:
    """Counts wrong keys by address within the last minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return for how many seconds this address may not try again; 0 if it may."""
        recent = self._failures.get(address)
        if recent is None or len(recent) < FAILURES:
            return 0.0
        return max(0.0, recent[0] + SECONDS - self._clock.monotonic())

    def fail(self, address: str) -> None:
        """Count one wrong key."""
        recent = self._failures.setdefault(address, deque(maxlen=FAILURES))
        recent.append(self._clock.monotonic())
        self._failures.move_to_end(address)
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
