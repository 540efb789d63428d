"""What is kept of attempts: their number and times by the minute, and the bad ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import add, itemgetter
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

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
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

    One that was added up from several is that of a longer step, or of all names; see ``merged``.

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

    def take(self, other: Rollup) -> None:
        """Count what others have counted."""
        self.count += other.count
        self.wait_seconds += other.wait_seconds
        self.run_seconds += other.run_seconds
        self.waits = list(map(add, self.waits, other.waits))
        self.runs = list(map(add, self.runs, other.runs))

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


def beginning(moment: datetime, step: float) -> datetime:
    """Return the beginning of the step that a moment lies in, counted from the epoch.

    So the steps of one series are those of the next, however much later it is read.
    """
    return moment - (moment - EPOCH) % timedelta(seconds=step)


def merged(rollups: Iterable[Rollup], *, step: float = 60.0, by_name: bool = True) -> list[Rollup]:
    """Return the rollups sorted, those of different workers added up.

    So are those of the same step (seconds), and unless ``by_name`` those of different names.
    """
    found: dict[tuple[datetime, str, str, str], Tally] = {}
    for one in rollups:
        name = one.job_name if by_name else ""
        key = (beginning(one.minute, step), one.queue, name, one.outcome)
        found.setdefault(key, Tally()).take(one)
    return [
        tally.at(key[0], Group("", *key[1:]))
        for key, tally in sorted(found.items(), key=itemgetter(0))
    ]
