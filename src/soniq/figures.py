"""Figures of a while, made from rollups: how many, how fast, how late. Pure arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from soniq import histogram
from soniq.history import Rollup
from soniq.job import Row

MINUTE = timedelta(minutes=1)
FAILURES = ("retry", "bury", "crash")


@dataclass(frozen=True, slots=True, eq=False)
class Figures(Row):
    """What has become of attempts within a while, in all or of one queue or task.

    ``completed`` jobs; ``failed`` attempts (retried, buried or crashed), of which ``buried`` were
    the last; ``cancelled`` and ``snoozed`` ones. ``rate``: completed jobs a second. Waits (due to
    claimed) and runs are percentiles in seconds over all attempts, however they ended, None where
    nothing was counted; see ``soniq.histogram`` for how exact they are.
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


def summed(rollups: Iterable[Rollup], *, seconds: float) -> Figures:
    """Return the figures of rollups that cover so many seconds."""
    found = list(rollups)
    counts: dict[str, int] = {}
    for one in found:
        counts[one.outcome] = counts.get(one.outcome, 0) + one.count
    waits = histogram.added(*(one.waits for one in found))
    runs = histogram.added(*(one.runs for one in found))
    completed = counts.get("complete", 0)
    return Figures(
        completed=completed,
        failed=sum(counts.get(outcome, 0) for outcome in FAILURES),
        buried=counts.get("bury", 0),
        cancelled=counts.get("cancel", 0),
        snoozed=counts.get("snooze", 0),
        # Of what has just begun nothing can be said a second yet.
        rate=completed / max(seconds, 1.0),
        wait_p50=histogram.percentile(waits, 0.5),
        wait_p95=histogram.percentile(waits, 0.95),
        run_p50=histogram.percentile(runs, 0.5),
        run_p95=histogram.percentile(runs, 0.95),
    )


def grouped(
    rollups: Iterable[Rollup], key: Callable[[Rollup], str], *, seconds: float
) -> dict[str, Figures]:
    """Return the figures of the rollups with the same key, sorted by it."""
    groups: dict[str, list[Rollup]] = {}
    for one in rollups:
        groups.setdefault(key(one), []).append(one)
    return {name: summed(groups[name], seconds=seconds) for name in sorted(groups)}


def series(rollups: Iterable[Rollup], *, since: datetime, now: datetime, step: float) -> list[Bin]:
    """Return the figures of each step from ``since`` on to the one that ``now`` lies in.

    The rate of that last one is by what has passed of it.
    """
    width = timedelta(seconds=step)
    bins: list[list[Rollup]] = [[] for _ in range((now - since) // width + 1)]
    for one in rollups:
        place = (one.minute - since) // width
        if 0 <= place < len(bins):
            bins[place].append(one)
    starts = [since + width * place for place in range(len(bins))]
    return [
        Bin(at, summed(part, seconds=min(width, now - at).total_seconds()))
        for at, part in zip(starts, bins, strict=True)
    ]


# What there is to say where no attempt has ended.
NOTHING = summed((), seconds=0)
