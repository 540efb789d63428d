"""How fast queues fill and drain: what came and what ended within the last minute or two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from soniq import figures, history

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.figures import Figures

WINDOW = 60.0


class Pace(NamedTuple):
    """The pace of a queue.

    ``in_rate`` and ``out_rate``: jobs a second that were enqueued and that came to their last end;
    None where that can't be told (``Stats.arrivals``). ``wait_p95``: seconds.
    """

    in_rate: float | None
    out_rate: float
    wait_p95: float | None


@dataclass(frozen=True, slots=True)
class Paces:
    """What came to each queue, in jobs a second, and what ended there within ``seconds``."""

    came: Mapping[str, float] | None
    ended: Mapping[str, Figures]
    seconds: float

    @property
    def queues(self) -> set[str]:
        """The queues where anything happened."""
        return {*(self.came or ()), *self.ended}

    def of(self, queue: str) -> Pace:
        """Return the pace of a queue, also of one where nothing happened."""
        ended = self.ended.get(queue, figures.NOTHING)
        out_rate = (ended.completed + ended.buried + ended.cancelled) / self.seconds
        in_rate = None if self.came is None else self.came.get(queue, 0.0)
        return Pace(in_rate, out_rate, ended.wait_p95)


async def look(app: Soniq, now: datetime) -> Paces:
    """Return the paces of the last minute or two; ``now``: by the database's clock."""
    # Attempts are counted by the minute: the first one is in the figures as a whole.
    begun = history.beginning(now - timedelta(seconds=WINDOW), figures.MINUTE.total_seconds())
    return Paces(
        came=await app.stats.arrivals(window=WINDOW),
        ended=await app.stats.by_queue(window=WINDOW),
        seconds=(now - begun).total_seconds(),
    )
