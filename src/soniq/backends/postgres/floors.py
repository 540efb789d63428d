"""Where a claim starts to look: at the front of the queues, or where others left off. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final

# A priority of a queue.
Level = tuple[str, int]
# The due time and the id of a job: its place within a level.
Place = tuple[datetime, Any]

# A look from the front that takes no longer is as good as any; to take a job takes its time anyway.
CHEAP_SECONDS: Final = 0.01
CHEAP_SECONDS_A_JOB: Final = 40e-6
# A dear one is followed by so many times its time in which others do without.
REST: Final = 50
LONGEST_REST: Final = 5.0
REST_AFTER_FAILURE: Final = 0.5
# A job is written a little before it can be seen, so a floor is used only when it is that old, or
# lies that far before what waits first.
SETTLING_SECONDS: Final = 0.1
SETTLING: Final = timedelta(seconds=SETTLING_SECONDS)
MOST_LEVELS: Final = 64


class Floors:
    """Remembers which place of each level was taken last, and when to look below it.

    Rows that are dead, but that a long transaction still could see, stay in the index at the front
    of the queues. While it is dear to walk past them, claims start behind the last job that was
    taken. Jobs below, that were committed late or given back by others, are looked for beside the
    claims, at most ``LONGEST_REST`` seconds after the last such look. Moments are of a monotonic
    clock.
    """

    def __init__(self) -> None:
        self._taken: dict[Level, Place] = {}
        self._settling: dict[Level, Place] = {}
        self._floors: dict[Level, Place] = {}
        self._settled_at = 0.0
        self._dear = False
        self._below_at = 0.0
        self._put_back_at = -inf

    def now(self) -> Mapping[Level, Place]:
        """Return the floors for a look that begins now; none: look from the front."""
        return self._floors if self._dear else {}

    def due(self, moment: float) -> bool:
        """Tell whether it is time to look below the floors."""
        return self._dear and moment >= self._below_at

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

    def looked_from_front(
        self, *, began: float, ended: float, found: Sequence[tuple[Level, Place]] = ()
    ) -> None:
        """Note how long a look from the front took, and what it found, in its order.

        After a dear one no other has to walk that way again: levels that have no floor get one
        before the first job that was found there. But it may have been slow for any reason: how
        long that way is, a look below the floors will tell, at once.
        """
        if began < self._put_back_at:
            return  # it may not have seen what was put back
        self._dear = ended - began > CHEAP_SECONDS + CHEAP_SECONDS_A_JOB * len(found)
        if self._dear:
            self._below_at = ended
            for level, (due, job_id) in dict(reversed(found)).items():
                if len(self._floors) < MOST_LEVELS:
                    self._floors.setdefault(level, (due - SETTLING, job_id))

    def looked_below(
        self, found: Mapping[Level, Place], *, seconds: float, began: float, ended: float
    ) -> None:
        """Note how long a look below the floors took, and which job of each level it found first.

        ``seconds``: by the server's clock, so that it is not the answer's way that seems dear.
        Claims start before these jobs from now on; from the front again if the look was not dear.
        """
        if began < self._put_back_at:
            return
        self._dear = seconds > CHEAP_SECONDS
        self._below_at = ended + min(REST * seconds, LONGEST_REST)
        for level, (due, job_id) in found.items():
            before = due - timedelta.resolution, job_id
            for floors in (self._taken, self._settling, self._floors):
                if level in floors:
                    floors[level] = min(before, floors[level])

    def could_not_look(self, moment: float) -> None:
        """Note that a look below the floors failed: nobody knows what waits there."""
        self._below_at = moment + REST_AFTER_FAILURE

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
        self._dear = False
        self._put_back_at = moment


def place(record: Any) -> tuple[Level, Place]:
    """Return where in the claim index a job stood."""
    return (record["queue"], record["priority"]), (record["scheduled_at"], record["id"])


def columns(floors: Mapping[Level, Place]) -> tuple[list[object], ...]:
    """Return floors as the columns that statements take."""
    return (
        [queue for queue, _ in floors],
        [priority for _, priority in floors],
        [moment for moment, _ in floors.values()],
        [job_id for _, job_id in floors.values()],
    )
