"""Follow what becomes of jobs: which have started and which have ended since the last look."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from soniq.backends.conditions import matches
from soniq.backends.contract import Backend
from soniq.job import DeadLetter, Job, JobStatus, Row
from soniq.search import JobSearch

MOST_RUNNING = 10_000
MOST_ENDED = 1000
MOST_BURIED = 100
# An end can be seen a little later than it is dated: by as much as its transaction takes.
OVERLAP = timedelta(seconds=5)
# A run of a job: its id, and when it began.
Run = tuple[str, datetime | None]
# The end of a job: its id, and when it was.
End = tuple[str, datetime]


@dataclass(frozen=True, slots=True, eq=False)
class Change(Row):
    """What has become of a job, at ``at``.

    ``what``: ``started``; ``done``, ``cancelled`` or ``dead`` (in the dead letters), after
    ``seconds`` of running; ``queued``: its run has ended and it waits again, until ``until``;
    ``gone``: it ran, and there is no record of it any more.
    """

    at: datetime
    what: str
    job_id: str
    job_name: str
    queue: str
    attempt: int
    worker_id: str | None
    seconds: float | None = None
    error: str | None = None
    until: datetime | None = None


class Follower:
    """Compares what runs and what has ended with what did so at the last look.

    Of what runs a look reads the ids, and all else of what has begun or gone since the last one.

    A run that begins and ends between two looks is told if the job has ended with it; if the job is
    to run again, it is not. ``missed``: more has ended since the last look than could be told.
    """

    def __init__(self, backend: Backend, search: JobSearch) -> None:
        self._backend = backend
        self._search = search
        self._since: datetime | None = None  # of the first look
        self._looked_at: datetime | None = None
        self._running: Mapping[Run, Job] = {}
        self._told: set[End] = set()
        self.missed = False

    async def look(self) -> list[Change]:
        """Return the changes since the last look, in order; none at the first."""
        now = await self._backend.schedules.now()
        runs: set[Run] = set(await self._backend.jobs.runs(limit=MOST_RUNNING))
        ended = await self._ended((self._looked_at or now) - OVERLAP)
        gone = self._running.keys() - runs - ended.keys()
        read = await self._read(gone | (runs - self._running.keys()))
        kept = {run: job for run, job in self._running.items() if run in runs}
        running: dict[Run, Job] = kept | {
            run_of(job): job
            for job in read.values()
            if run_of(job) in runs and job.status is JobStatus.PROCESSING
        }
        changes: list[Change] = []
        if self._since is None:
            self._since = now
        else:
            begun = self._begun({**ended, **running})
            ended |= await self._lost(gone, read)
            changes = [started(job) for job in begun if matches(self._search, job, now)]
            changes += [
                end_of(job, self._running.get(run), now)
                for run, job in ended.items()
                if matches(self._search, job, now)
            ]
        self._running = running
        self._looked_at = now
        self._told |= {(job.id, job.finished_at) for job in ended.values() if job.finished_at}
        self._told = {end for end in self._told if end[1] >= now - 2 * OVERLAP}
        return sorted(changes, key=lambda change: change.at)

    async def _read(self, runs: Collection[Run]) -> Mapping[str, Job]:
        """Return the jobs of these runs as they stand now, by id: of all, only those are read."""
        ids = sorted({job_id for job_id, _ in runs})
        return {job.id: job for job in await self._backend.jobs.get_many(ids)} if ids else {}

    async def _ended(self, since: datetime) -> dict[Run, Job | DeadLetter]:
        """Return what has ended since then and was not told, by the last run of each."""
        found: list[Job | DeadLetter] = [
            *await self._backend.jobs.ended(since=since, limit=MOST_ENDED)
        ]
        self.missed = len(found) == MOST_ENDED
        for burial in await self._backend.dead_letters.burials(limit=MOST_BURIED):
            if burial.finished_at >= since and (burial.id, burial.finished_at) not in self._told:
                letter = await self._backend.dead_letters.get(burial.id)
                found += [letter] if letter else []
        return {run_of(job): job for job in found if (job.id, job.finished_at) not in self._told}

    def _begun(self, jobs: Mapping[Run, Job | DeadLetter]) -> list[Job | DeadLetter]:
        """Return those of the jobs that have started since the last look."""
        since = self._since
        return [
            job
            for run, job in jobs.items()
            # One that was cancelled while it waited has no worker, but may have had one before.
            if run not in self._running and job.worker_id and since and run[1] and run[1] >= since
        ]

    async def _lost(
        self, gone: Collection[Run], read: Mapping[str, Job]
    ) -> dict[Run, Job | DeadLetter]:
        """Return what has become of runs that are neither seen any more nor among the ends."""
        lost: dict[Run, Job | DeadLetter] = {}
        for run in gone:
            before = self._running[run]
            now = read.get(before.id) or await self._backend.dead_letters.get(before.id) or before
            if (now.id, now.finished_at) not in self._told:
                lost[run] = now
        return lost


def run_of(job: Job | DeadLetter) -> Run:
    """Return which run of a job it was when it was read."""
    return job.id, job.started_at


def started(job: Job | DeadLetter) -> Change:
    """Return that a job has started."""
    return change(job, "started", job.started_at or job.created_at)


def end_of(job: Job | DeadLetter, before: Job | None, now: datetime) -> Change:
    """Return how a run has ended, which ``before`` shows while it ran, if it was seen."""
    if isinstance(job, DeadLetter):
        told = change(job, "dead", job.finished_at)
        return replace(told, seconds=ran(job), error=job.last_error)
    if job.finished_at is not None:
        what = "done" if job.status is JobStatus.DONE else "cancelled"
        return replace(change(job, what, job.finished_at), seconds=ran(job))
    if job is before:
        return change(job, "gone", now)
    until = job.scheduled_at if job.status is JobStatus.QUEUED else None
    return replace(change(before or job, "queued", now), error=job.last_error, until=until)


def change(job: Job | DeadLetter, what: str, at: datetime) -> Change:
    """Return a change with the facts of its job."""
    return Change(at, what, job.id, job.job_name, job.queue, job.attempts, job.worker_id)


def ran(job: Job | DeadLetter) -> float | None:
    """Return for how many seconds a job ran that ended running; None for one that waited."""
    if job.started_at is None or job.finished_at is None or job.worker_id is None:
        return None
    return max((job.finished_at - job.started_at).total_seconds(), 0.0)
