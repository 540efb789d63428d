"""Figures of a while, made from rollups: how many, how fast, how late. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from soniq.job import Row


@dataclass(frozen=True, slots=True, eq=False)
class Figures(Row):
    """What has become of attempts within a while, in all or of one queue or task.

    ``completed`` jobs; ``failed`` attempts (retried, buried or crashed), of which ``buried`` were
    the last; ``cancelled`` and ``snoozed`` ones. ``rate``: completed jobs a second. Waits (due to
    claimed) and runs are percentiles in seconds, None where nothing was counted; see
    ``soniq.histogram`` for how exact they are.
    """

    completed: int
    failed: int
    buried: int
    cancelled: int
    snoozed: int
    rate: float
    wait_p50: float | None
    wait_p95: float | None
    run_p50: float | None
    run_p95: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Bin(Row):
    """The figures of one step of a series that begins at ``at``."""

    at: datetime
    figures: Figures
