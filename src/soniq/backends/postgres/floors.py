"""Where a claim starts to look: at the front of the queues, or where others left off. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from math import inf
from typing import Any, Final

# A priority of a queue.
Level = tuple[str, int]
# The due time and the id of a job: its place within a level.
Place = tuple[datetime, Any]

# A look from the front that takes no longer is as good as any.
CHEAP_SECONDS: Final = 0.01
# A dear one is followed by so many times its time in which others do without.
REST: Final = 50
LONGEST_REST: Final = 5.0
# A job is written a little before it can be seen, so a floor is used only when it is that old.
SETTLING_SECONDS: Final = 0.1
MOST_LEVELS: Final = 64


class Floors:
    """Remembers which place of each level was taken last, and when to look below it.

    Rows that are dead, but that a long transaction still could see, stay in the index at the front
    of the queues. While it is dear to walk past them, most claims start behind the last job that
    was taken, and only now and then one at the front: for jobs that were committed late or given
    back by others, at most ``LONGEST_REST`` seconds later. Moments are of a monotonic clock.
    """

    def __init__(self) -> None:
        self._taken: dict[Level, Place] = {}
        self._settling: dict[Level, Place] = {}
        self._floors: dict[Level, Place] = {}
        self._settled_at = 0.0
        self._front_at = 0.0
        self._put_back_at = -inf

    def at(self, moment: float) -> Mapping[Level, Place]:
        """Return the floors for a look that begins now; none: look from the front."""
        return self._floors if moment < self._front_at else {}

    def taken(self, jobs: Iterable[tuple[Level, Place]], *, moment: float) -> None:
        """Note what was taken, in its order."""
        for level, place in jobs:
            self._taken.pop(level, None)
            self._taken[level] = place
        if moment >= self._settled_at + SETTLING_SECONDS:
            while len(self._taken) > MOST_LEVELS:
                del self._taken[next(iter(self._taken))]
            self._floors, self._settling = self._settling, dict(self._taken)
            self._settled_at = moment

    def looked_from_front(self, *, began: float, ended: float) -> None:
        """Note how long a look from the front took."""
        if began < self._put_back_at:
            return  # it may not have seen what was put back
        seconds = ended - began
        dear = seconds > CHEAP_SECONDS
        self._front_at = ended + min(REST * seconds, LONGEST_REST) if dear else 0.0

    def forget(self, queues: Collection[str]) -> None:
        """Have no floors in these queues until a job is taken there again.

        For queues that looks from the front do not see: what appears below a floor meanwhile would
        be passed over for a while once they are seen again.
        """
        for floors in (self._taken, self._settling, self._floors):
            for level in [level for level in floors if level[0] in queues]:
                del floors[level]

    def put_back(self, moment: float) -> None:
        """Let the next look begin at the front: jobs wait there again."""
        self._front_at = 0.0
        self._put_back_at = moment
