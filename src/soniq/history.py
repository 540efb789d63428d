"""What is kept of attempts: their number and times by the minute, and the bad ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from soniq import histogram
from soniq.job import Row
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
    Failure,
    Outcome,
    Release,
    Retry,
    Snooze,
)

# How many attempts of a job are kept: those of its latest claims.
KEPT = 50
# Who buries a job that no worker had.
NOBODY = "00000000-0000-0000-0000-000000000000"

NAMES: dict[type[Outcome], str] = {
    kind: kind.__name__.lower() for kind in (Complete, Retry, Bury, Crash, Cancel, Snooze)
}


@dataclass(frozen=True, slots=True)
class Rollup:
    """Attempts of one minute with the same outcome, of jobs of one name in one queue.

    ``outcome``: complete, retry, bury, crash, cancel or snooze. ``wait_seconds`` and
    ``run_seconds`` are sums: from due to claimed, and from claimed to the end. ``waits`` and
    ``runs`` are histograms by the bounds of ``soniq.histogram``; a job that was buried although no
    worker had it is counted in ``count`` alone.
    """

    minute: datetime
    queue: str
    job_name: str
    outcome: str
    count: int
    wait_seconds: float
    run_seconds: float
    waits: tuple[int, ...]
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """An attempt that did not end well: retry, bury, crash, cancel or snooze."""

    attempt: int
    worker_id: str
    outcome: str
    started_at: datetime
    finished_at: datetime
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AuditEntry(Row):
    """What somebody did to jobs, queues, workers or schedules.

    ``actor``: who, as the way in knows them (``cli:ana@host``, ``dashboard:ana``). ``action``:
    what, as ``jobs.cancel``. ``target``: an id or name. ``detail``: what else is known (JSON).
    """

    id: str
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]


class Group(NamedTuple):
    """What the attempts of one tally have in common, apart from their minute."""

    worker_id: str
    queue: str
    job_name: str
    outcome: str


@dataclass(slots=True)
class Tally:
    """Attempts that are being counted."""

    count: int = 0
    wait_seconds: float = 0.0
    run_seconds: float = 0.0
    waits: list[int] = field(default_factory=histogram.empty)
    runs: list[int] = field(default_factory=histogram.empty)

    def add(self, due: datetime, started: datetime | None, ended: datetime) -> None:
        """Count one attempt; without a start it has neither waited nor run."""
        self.count += 1
        if started is None:
            return
        waited = (started - due).total_seconds() if due < started else 0.0
        ran = (ended - started).total_seconds() if started < ended else 0.0
        self.wait_seconds += waited
        self.run_seconds += ran
        self.waits[histogram.bucket_of(waited)] += 1
        self.runs[histogram.bucket_of(ran)] += 1

    def at(self, minute: datetime, group: Group) -> Rollup:
        """Return what was counted, as that of a minute."""
        return Rollup(
            minute=minute,
            queue=group.queue,
            job_name=group.job_name,
            outcome=group.outcome,
            count=self.count,
            wait_seconds=self.wait_seconds,
            run_seconds=self.run_seconds,
            waits=tuple(self.waits),
            runs=tuple(self.runs),
        )


def minute_of(moment: datetime) -> datetime:
    """Return the beginning of the minute."""
    return moment.replace(second=0, microsecond=0)


def name_of(outcome: Outcome, *, cancelled: bool) -> str | None:
    """Return the name under which an end is kept; None for a release, which is none.

    ``cancelled``: the job would have been queued again, had not somebody asked for its end.
    """
    if cancelled:
        return NAMES[Cancel]
    return None if isinstance(outcome, Release) else NAMES[type(outcome)]


def failure_of(outcome: Outcome) -> Failure | None:
    """Return what went wrong, where something did."""
    return outcome.failure if isinstance(outcome, Retry | Crash | Bury) else None


def merged(rollups: Iterable[Rollup]) -> list[Rollup]:
    """Return the rollups sorted, those of different workers added up."""
    found: dict[tuple[datetime, str, str, str], Rollup] = {}
    for one in rollups:
        key = (one.minute, one.queue, one.job_name, one.outcome)
        other = found.get(key)
        found[key] = one if other is None else summed(one, other)
    return [found[key] for key in sorted(found)]


def summed(one: Rollup, other: Rollup) -> Rollup:
    """Return two rollups of the same minute, queue, name and outcome as one."""
    return Rollup(
        minute=one.minute,
        queue=one.queue,
        job_name=one.job_name,
        outcome=one.outcome,
        count=one.count + other.count,
        wait_seconds=one.wait_seconds + other.wait_seconds,
        run_seconds=one.run_seconds + other.run_seconds,
        waits=histogram.added(one.waits, other.waits),
        runs=histogram.added(one.runs, other.runs),
    )
