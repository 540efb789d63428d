"""Who comes before a job, who runs, and what becomes due before its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from soniq.backends.contract import Backend
from soniq.job import NewJob
from soniq.outcome import Complete, Release, Retry
from soniq.standing import Ahead
from tests.support import FrozenClock
from tests.support.store import (
    NOBODY,
    OOPS,
    claim,
    claimed_job,
    insert,
    look,
    new_job,
    settle,
)

STRANGE_IDS = [NOBODY, "", "no uuid", "'; --", "9" * 400, "\x00"]


def crowd(clock: FrozenClock) -> list[NewJob]:
    """Return jobs of one queue in the order of claims, three of them not due yet."""
    early = clock.now() + timedelta(seconds=1)
    return [
        new_job(clock, priority=1),
        new_job(clock, priority=1),
        new_job(clock, priority=1, delay=60),
        new_job(clock, priority=50),
        new_job(clock, scheduled_at=early),
        new_job(clock, scheduled_at=early),
        new_job(clock, delay=2),
        new_job(clock, delay=60),
        new_job(clock, delay=90),
        new_job(clock, priority=500),
    ]


async def test_ahead(backend: Backend, clock: FrozenClock) -> None:
    """Those that are due and are claimed before it: of its own queue, by priority, time and id."""
    jobs = crowd(clock)
    await insert(backend, *reversed(jobs), new_job(clock, queue="other", priority=1))
    clock.advance(seconds=10)
    ahead = [await backend.jobs.ahead(job.id) for job in jobs]
    numbers = [0, 1, 2, 2, 3, 4, 5, 6, 6, 6]
    assert ahead == [Ahead(number, exact=True) for number in numbers]
    order = [job.id for job in await claim(backend, queues=("default",))]
    assert order == [jobs[place].id for place in (0, 1, 3, 4, 5, 6, 9)]


async def test_ahead_has_a_bound(backend: Backend, clock: FrozenClock) -> None:
    """Beyond it the number is a least one."""
    jobs = crowd(clock)
    await insert(backend, *jobs)
    clock.advance(seconds=10)
    last = jobs[-1].id
    assert await backend.jobs.ahead(last, bound=7) == Ahead(6, exact=True)
    assert await backend.jobs.ahead(last, bound=6) == Ahead(6, exact=True)
    assert await backend.jobs.ahead(last, bound=5) == Ahead(5, exact=False)
    assert await backend.jobs.ahead(last, bound=2) == Ahead(2, exact=False)


async def test_ahead_of_what_does_not_wait(backend: Backend, clock: FrozenClock) -> None:
    """Nothing can be said of a job that runs, has ended, or is none."""
    job = await claimed_job(backend, new_job(clock))
    assert await backend.jobs.ahead(job.id) is None
    assert await settle(backend, job, Complete())
    assert await backend.jobs.ahead(job.id) is None
    for job_id in STRANGE_IDS:
        assert await backend.jobs.ahead(job_id) is None


async def test_ahead_of_jobs_that_came_back(backend: Backend, clock: FrozenClock) -> None:
    """One that was given back counts once, wherever it has stood before."""
    job = await claimed_job(backend, new_job(clock))
    assert await settle(backend, job, Release())
    [job] = await claim(backend)
    assert await settle(backend, job, Release())
    [last] = await insert(backend, new_job(clock))
    assert await backend.jobs.ahead(last) == Ahead(1, exact=True)


async def test_running(backend: Backend, clock: FrozenClock) -> None:
    """The longest-running first; nothing else is there."""
    jobs: list[str] = []
    for _ in range(3):
        jobs.append((await claimed_job(backend, new_job(clock))).id)
        clock.advance(seconds=1)
    done = await claimed_job(backend, new_job(clock))
    await settle(backend, done, Complete())
    await insert(backend, new_job(clock))
    running = await backend.jobs.running()
    assert [job.id for job in running] == jobs
    assert running[0] == await look(backend, jobs[0])
    assert [job.id for job in await backend.jobs.running(limit=2)] == jobs[:2]


@pytest.mark.parametrize("attempted", [False, True])
async def test_hasten(backend: Backend, clock: FrozenClock, *, attempted: bool) -> None:
    """A job that waits for its time or its next attempt is due now, and its place is a new one."""
    new = new_job(clock, delay=0 if attempted else 3600, key="k")
    if attempted:
        job = await claimed_job(backend, new)
        assert await settle(backend, job, Retry(3600, OOPS))
    else:
        await insert(backend, new)
    [other] = await insert(backend, new_job(clock, delay=30))
    clock.advance(seconds=60)
    assert await backend.jobs.hasten(new.id)
    assert not await backend.jobs.hasten(new.id)
    hastened = await look(backend, new.id)
    assert (hastened.scheduled_at, hastened.attempts) == (clock.now(), int(attempted))
    assert hastened.unique_key == "k"
    assert await backend.jobs.ahead(new.id) == Ahead(1, exact=True)
    assert await backend.jobs.due_in(None) == 0
    assert [job.id for job in await claim(backend)] == [other, new.id]
    clock.advance(hours=2)
    assert await claim(backend) == []


async def test_hasten_what_has_no_time_to_wait(backend: Backend, clock: FrozenClock) -> None:
    """What is due, runs, or has ended stays as it is."""
    due, cancelled = new_job(clock), new_job(clock, delay=60)
    job = await claimed_job(backend, new_job(clock))
    await insert(backend, due, cancelled)
    await backend.jobs.cancel(cancelled.id)
    for job_id in (due.id, cancelled.id, job.id, *STRANGE_IDS):
        before = await backend.jobs.get(job_id)
        assert not await backend.jobs.hasten(job_id)
        assert await backend.jobs.get(job_id) == before
