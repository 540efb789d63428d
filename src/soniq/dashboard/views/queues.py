"""Queues as rows: how they stand, how fast they drain, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from soniq.figures import Figures
from soniq.standing import QueueStanding

# Somebody who restarts a worker needs no alarm.
GRACE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue: how it stands, and its figures of the last hour, if anything ended there.

    ``eta``: the seconds until nothing is due, if as many end as in the last hour and nothing comes.
    """

    standing: QueueStanding
    figures: Figures | None
    eta: float | None
    oldest: float | None
    unserved: bool

    @property
    def name(self) -> str:
        """The name of the queue."""
        return self.standing.queue


def queue_rows(
    standings: Sequence[QueueStanding], figures: Mapping[str, Figures], now: datetime
) -> list[QueueRow]:
    """Return a row for every queue, also for one that only the figures know."""
    known = {standing.queue for standing in standings}
    gone = [empty(queue) for queue in figures if queue not in known]
    every = sorted([*standings, *gone], key=lambda standing: standing.queue)
    return [queue_row(standing, figures.get(standing.queue), now) for standing in every]


def queue_row(standing: QueueStanding, figures: Figures | None, now: datetime) -> QueueRow:
    """Return the row of one queue."""
    since = standing.oldest_due_at
    oldest = None if since is None else max((now - since).total_seconds(), 0.0)
    return QueueRow(
        standing, figures, eta_of(standing, figures), oldest, is_unserved(standing, now)
    )


def eta_of(standing: QueueStanding, figures: Figures | None) -> float | None:
    """Return the seconds until nothing is due; None where that can't be told, or nothing is."""
    drains = standing.served_by > 0 and standing.pause is None
    if standing.due == 0 or not drains or figures is None or figures.rate <= 0:
        return None
    return standing.due / figures.rate


def is_unserved(standing: QueueStanding, now: datetime) -> bool:
    """Tell whether jobs are due for a while that no living worker will take."""
    if standing.served_by or standing.pause or standing.oldest_due_at is None:
        return False
    return (now - standing.oldest_due_at).total_seconds() > GRACE_SECONDS


def empty(queue: str) -> QueueStanding:
    """Return how a queue stands in which there is nothing."""
    return QueueStanding(
        queue=queue,
        due=0,
        later=0,
        processing=0,
        dead_letter=0,
        exact=True,
        oldest_due_at=None,
        next_due_at=None,
        served_by=0,
        pause=None,
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """All queues together; ``exact`` as of a standing."""

    due: int
    later: int
    processing: int
    dead_letter: int
    exact: bool
    oldest_due_at: datetime | None


def totals(standings: Sequence[QueueStanding]) -> Totals:
    """Return the sums over all queues, and since when the first job of all is due."""
    due_since = [one.oldest_due_at for one in standings if one.oldest_due_at and not one.pause]
    return Totals(
        due=sum(one.due for one in standings),
        later=sum(one.later for one in standings),
        processing=sum(one.processing for one in standings),
        dead_letter=sum(one.dead_letter for one in standings),
        exact=all(one.exact for one in standings),
        oldest_due_at=min(due_since, default=None),
    )
