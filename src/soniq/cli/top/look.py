"""One look at queues, workers and running jobs, and how fast queues fill and drain since others."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from soniq import figures, history
from soniq.app import Soniq
from soniq.cli import load, status
from soniq.figures import NOTHING, Figures
from soniq.job import Job, Row, Worker
from soniq.standing import QueueStanding

WINDOW = 60.0
MOST_RUNNING = 200


@dataclass(frozen=True, slots=True, eq=False)
class QueueLine(Row):
    """One queue: how it stands, and its pace within the last minute or two.

    ``in_rate`` and ``out_rate``: jobs a second that were enqueued and that came to their last end;
    None where that is not known (yet). ``wait_p95``: seconds.
    """

    standing: QueueStanding
    in_rate: float | None
    out_rate: float
    wait_p95: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Look(Row):
    """How things stand; ``running``: the jobs that run, the longest-running first."""

    database: str
    now: datetime
    queues: Sequence[QueueLine]
    workers: Sequence[Worker]
    running: Sequence[Job]


class Mark(NamedTuple):
    """How many jobs there were in a queue that have not ended, at a moment."""

    at: datetime
    number: int


class Looker:
    """Looks again and again, and remembers the looks of the last minute."""

    def __init__(self, app: Soniq) -> None:
        self._app = app
        self._marks: dict[str, deque[Mark]] = {}

    async def look(self) -> Look:
        """Return how things stand now."""
        app = self._app
        now = await app.stats.now()
        workers = await app.workers.list()
        ended = await app.stats.by_queue(window=WINDOW)
        standings = status.with_idle(await app.queues.list(), ended, workers).values()
        # Attempts are counted by the minute: the first one is in the figures as a whole.
        begun = history.beginning(now - timedelta(seconds=WINDOW), figures.MINUTE.total_seconds())
        seconds = (now - begun).total_seconds()
        return Look(
            database=load.place_of(app),
            now=now,
            queues=[
                self._line(one, ended.get(one.queue, NOTHING), now, seconds) for one in standings
            ],
            workers=workers,
            running=await app.workers.running(limit=MOST_RUNNING),
        )

    def _line(
        self, standing: QueueStanding, ended: Figures, now: datetime, seconds: float
    ) -> QueueLine:
        marks = self._marks.setdefault(standing.queue, deque())
        out_rate = (ended.completed + ended.buried + ended.cancelled) / seconds
        number = standing.due + standing.later + standing.processing
        growth = growth_since(marks, Mark(now, number)) if standing.exact else None
        # What leaves and what is more than before must have come in.
        in_rate = None if growth is None else max(0.0, out_rate + growth)
        return QueueLine(standing, in_rate, out_rate, ended.wait_p95)


def growth_since(marks: deque[Mark], mark: Mark) -> float | None:
    """Return by how many jobs a second a queue has grown within a minute; None at the first look.

    Adds the mark to those that are kept.
    """
    while marks and mark.at - marks[0].at > timedelta(seconds=WINDOW):
        marks.popleft()
    marks.append(mark)
    passed = (mark.at - marks[0].at).total_seconds()
    return (mark.number - marks[0].number) / passed if passed > 0 else None
