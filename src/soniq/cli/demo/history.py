"""Read what the database holds of the demo."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime

from soniq.app import Soniq
from soniq.cli.dead_letter_choice import Choice
from soniq.cli.dead_letter_work import every
from soniq.cli.demo.plan import QUEUE, History, read_item
from soniq.job import DeadLetter, Job, JobStatus, Worker
from soniq.search import JobSearch

PAGE = 5_000
WAITING = (JobStatus.QUEUED, JobStatus.PROCESSING)


@dataclass(frozen=True, slots=True)
class Rows:
    """The jobs and dead letters of one run."""

    number: int
    jobs: list[Job]
    letters: list[DeadLetter]

    def history(self) -> History:
        """Return what matters for the plan."""
        rows: list[Job | DeadLetter] = [*self.jobs, *self.letters]
        items = [read_item(row.job_name, row.args) for row in rows]
        known = frozenset(item for _, item in filter(None, items))
        waiting = sum(job.status in WAITING for job in self.jobs)
        return History(self.number, known, waiting)


async def read_latest(app: Soniq) -> Rows:
    """Return the rows of the latest run; number 0 and nothing where there was none."""
    jobs = [(run, job) for job in await read_jobs(app) if (run := run_of(job))]
    letters = [
        (run, letter)
        async for letter in every(app, Choice(JobSearch(queue=QUEUE)))
        if (run := run_of(letter))
    ]
    latest = max((run for run, _ in (*jobs, *letters)), default=0)
    return Rows(
        latest,
        [job for run, job in jobs if run == latest],
        [letter for run, letter in letters if run == latest],
    )


async def read_jobs(app: Soniq) -> list[Job]:
    """Return all jobs of the demo's queue, page by page."""
    jobs: dict[str, Job] = {}
    offset = 0
    while True:
        page = await app.list_jobs(queue=QUEUE, limit=PAGE, offset=offset)
        jobs.update((job.id, job) for job in page)
        if len(page) < PAGE:
            return list(jobs.values())
        offset += PAGE


def run_of(row: Job | DeadLetter) -> int:
    """Return the number of the run that a row belongs to, 0 for a row of another kind."""
    item = read_item(row.job_name, row.args)
    return item[0] if item else 0


async def left(app: Soniq) -> int:
    """Return how many jobs of the demo wait or run."""
    standings = [one for one in await app.queues.list() if one.queue == QUEUE]
    return sum(one.due + one.later + one.processing for one in standings)


async def describe_orphans(app: Soniq, jobs: list[Job]) -> list[str]:
    """Return a sentence for every other worker that holds jobs of the run."""
    held: dict[str, int] = {}
    for job in jobs:
        if job.status is JobStatus.PROCESSING and job.worker_id:
            held[job.worker_id] = held.get(job.worker_id, 0) + 1
    workers = {worker.id: worker for worker in await app.list_workers()}
    now = app.clock.now()
    return [describe_owner(workers.get(owner), number, now) for owner, number in held.items()]


def describe_owner(worker: Worker | None, number: int, now: datetime) -> str:
    """Return who holds ``number`` jobs, and when they will be free."""
    jobs = "1 job belongs" if number == 1 else f"{number} jobs belong"
    if worker is None or not worker.alive:
        return f"{jobs} to a worker that is gone; they are taken back now."
    if worker.hostname == socket.gethostname() and not is_running(worker.pid):
        seconds = max(1, round((worker.expires_at - now).total_seconds()))
        return (
            f"{jobs} to a worker that is gone (process {worker.pid}); they are taken back when "
            f"its lease has run out, in about {seconds} s."
        )
    return f"{jobs} to another worker, process {worker.pid} on {worker.hostname}."


def is_running(pid: int) -> bool:
    """Tell whether there is a process of that number on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
