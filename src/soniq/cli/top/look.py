"""One look at queues, workers and running jobs, and how fast queues fill and drain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from soniq.app import Soniq
from soniq.cli import load, pace, status
from soniq.cli.pace import Pace
from soniq.job import Job, Row, Worker
from soniq.standing import QueueStanding

MOST_RUNNING = 200


@dataclass(frozen=True, slots=True, eq=False)
class QueueLine(Row):
    """One queue: how it stands, and its pace."""

    standing: QueueStanding
    pace: Pace


@dataclass(frozen=True, slots=True, eq=False)
class Look(Row):
    """How things stand; ``running``: the jobs that run, the longest-running first."""

    database: str
    now: datetime
    queues: Sequence[QueueLine]
    workers: Sequence[Worker]
    running: Sequence[Job]


async def look(app: Soniq) -> Look:
    """Return how things stand now."""
    now = await app.stats.now()
    workers = await app.workers.list()
    paces = await pace.look(app, now)
    standings = status.with_idle(await app.queues.list(), paces.queues, workers).values()
    return Look(
        database=load.place_of(app),
        now=now,
        queues=[QueueLine(one, paces.of(one.queue)) for one in standings],
        workers=workers,
        running=await app.workers.running(limit=MOST_RUNNING),
    )
