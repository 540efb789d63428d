"""Rescue: jobs whose worker is gone come back, but jobs that kill workers not for ever."""

from __future__ import annotations

import asyncio

import pytest

from soniq.backends.contract import Backend, Rescued
from soniq.job import JobStatus
from soniq.outcome import Release, Retry, Snooze
from tests.support import FrozenClock
from tests.support.store import (
    OOPS,
    OTHER,
    WORKER,
    claim,
    claimed_job,
    insert,
    letter,
    look,
    new_job,
    register,
    settle,
)


async def crash(
    backend: Backend, clock: FrozenClock, *, max_crashes: int = 3, alone: bool = False
) -> list[Rescued]:
    """Let a worker claim everything, die and be noticed."""
    await register(backend, WORKER, lease=30)
    jobs = await claim(backend, worker=WORKER)
    for job in jobs if alone else ():
        assert await backend.jobs.isolate(job, worker=WORKER)
    clock.advance(seconds=31)
    return await backend.jobs.rescue(max_crashes=max_crashes)


async def test_nothing_to_rescue(backend: Backend, clock: FrozenClock) -> None:
    """Waiting and finished jobs belong to nobody and are left alone."""
    await insert(backend, new_job(clock))
    assert await backend.jobs.rescue(max_crashes=3) == []


async def test_a_living_worker_keeps_its_jobs(backend: Backend, clock: FrozenClock) -> None:
    """As long as the lease runs nothing is taken, also after it was renewed again and again."""
    await register(backend, lease=30)
    job = await claimed_job(backend, new_job(clock))
    for _ in range(5):
        clock.advance(seconds=29)
        assert await backend.jobs.rescue(max_crashes=3) == []
        assert await backend.workers.renew(WORKER, lease=30)
    assert (await look(backend, job.id)).status is JobStatus.PROCESSING


async def test_an_expired_lease(backend: Backend, clock: FrozenClock) -> None:
    """When the lease has run out, the job is queued again and the report says what happened."""
    await register(backend, lease=30)
    job = await claimed_job(backend, new_job(clock))
    due = clock.now()
    clock.advance(seconds=31)
    assert await backend.jobs.rescue(max_crashes=3) == [
        Rescued(
            job_id=job.id, job_name="mail.send", queue="default", worker_id=WORKER, buried=False
        )
    ]
    row = await look(backend, job.id)
    assert (row.status, row.attempts, row.crashes) == (JobStatus.QUEUED, 1, 1)
    assert (row.worker_id, row.scheduled_at, row.finished_at) == (None, due, None)
    assert await backend.jobs.rescue(max_crashes=3) == []


async def test_the_error_names_the_lost_worker(backend: Backend, clock: FrozenClock) -> None:
    """``last_error`` says that the worker was lost, and which one."""
    await insert(backend, new_job(clock))
    [rescued] = await crash(backend, clock)
    error = (await look(backend, rescued.job_id)).last_error
    assert error is not None
    assert "worker" in error.lower()
    assert "lost" in error.lower()
    assert WORKER in error


@pytest.mark.parametrize("registered", [True, False])
async def test_a_worker_without_a_row(
    backend: Backend, clock: FrozenClock, registered: bool
) -> None:
    """A worker that has left, or that never registered, owns nothing."""
    if registered:
        await register(backend, lease=30)
    job = await claimed_job(backend, new_job(clock))
    await backend.workers.leave(WORKER)
    assert [found.job_id for found in await backend.jobs.rescue(max_crashes=3)] == [job.id]
    assert (await look(backend, job.id)).status is JobStatus.QUEUED


async def test_only_the_dead_lose_jobs(backend: Backend, clock: FrozenClock) -> None:
    """Among several workers exactly the jobs of the dead one are taken."""
    await insert(backend, *(new_job(clock) for _ in range(6)))
    await register(backend, WORKER, lease=30)
    await register(backend, OTHER, lease=90)
    lost = await claim(backend, limit=3, worker=WORKER)
    kept = await claim(backend, limit=3, worker=OTHER)
    clock.advance(seconds=31)
    rescued = await backend.jobs.rescue(max_crashes=3)
    assert {found.job_id for found in rescued} == {job.id for job in lost}
    for job in kept:
        assert (await look(backend, job.id)).worker_id == OTHER


async def test_the_attempt_is_spent(backend: Backend, clock: FrozenClock) -> None:
    """After a crash in attempt 1 of 4 the next run is attempt 2, with a higher fence."""
    await insert(backend, new_job(clock, max_attempts=4))
    await crash(backend, clock)
    [job] = await claim(backend)
    assert (job.attempt, job.max_attempts, job.fence) == (2, 4, 2)


async def test_never_the_last_attempt(backend: Backend, clock: FrozenClock) -> None:
    """A crash leaves a job at least one more run, also when it has only one."""
    new = new_job(clock, max_attempts=1)
    await insert(backend, new)
    await crash(backend, clock)
    assert (await look(backend, new.id)).attempts == 0
    [job] = await claim(backend)
    assert (job.attempt, job.max_attempts, job.fence) == (1, 1, 2)


async def test_a_crash_in_the_last_of_several(backend: Backend, clock: FrozenClock) -> None:
    """The budget is never overrun: the last attempt is run once more as the last."""
    job = await claimed_job(backend, new_job(clock, max_attempts=2))
    await settle(backend, job, Retry(0, OOPS))
    await crash(backend, clock)
    [job] = await claim(backend)
    assert (job.attempt, job.max_attempts, job.fence) == (2, 2, 3)


async def test_the_third_crash_buries(backend: Backend, clock: FrozenClock) -> None:
    """A job whose worker died ``max_crashes`` times, in the end under it alone, is buried."""
    new = new_job(clock, max_attempts=100)
    await insert(backend, new)
    assert [found.buried for found in await crash(backend, clock)] == [False]
    assert [found.buried for found in await crash(backend, clock, alone=True)] == [False]
    [rescued] = await crash(backend, clock, alone=True)
    assert rescued == Rescued(new.id, "mail.send", "default", WORKER, buried=True)
    assert await backend.jobs.get(new.id) is None
    record = await letter(backend, new.id)
    assert (record.reason, record.crashes, record.attempts) == ("worker_crashed", 3, 3)
    assert (record.finished_at, record.worker_id) == (clock.now(), WORKER)
    assert record.last_error is not None
    assert WORKER in record.last_error


async def test_company_may_be_to_blame(backend: Backend, clock: FrozenClock) -> None:
    """As long as others run beside it, a job is buried by no number of crashes."""
    new = new_job(clock, max_attempts=100)
    await insert(backend, new)
    for crashes in range(1, 6):
        assert [found.buried for found in await crash(backend, clock)] == [False]
        assert (await look(backend, new.id)).crashes == crashes
    assert [found.buried for found in await crash(backend, clock, alone=True)] == [True]


async def test_isolation_ends_with_the_claim(backend: Backend, clock: FrozenClock) -> None:
    """That a job ran alone once says nothing about its later runs."""
    await insert(backend, new_job(clock, max_attempts=100))
    for alone in (False, True, False, False):
        assert [one.buried for one in await crash(backend, clock, alone=alone)] == [False]


async def test_only_the_owner_isolates(backend: Backend, clock: FrozenClock) -> None:
    """A claim that is lost can't be noted as alone, nor can anybody else's."""
    await register(backend, lease=30)
    job = await claimed_job(backend, new_job(clock))
    assert not await backend.jobs.isolate(job, worker=OTHER)
    assert await backend.jobs.isolate(job, worker=WORKER)
    await settle(backend, job, Release())
    assert not await backend.jobs.isolate(job, worker=WORKER)
    [again] = await claim(backend)
    assert again.crashes == 0
    assert not await backend.jobs.isolate(job, worker=WORKER)


async def test_a_claim_tells_the_crashes(backend: Backend, clock: FrozenClock) -> None:
    """A worker learns with the claim how often the job has crashed."""
    await insert(backend, new_job(clock))
    await crash(backend, clock)
    [job] = await claim(backend)
    assert job.crashes == 1


async def test_the_first_crash_can_be_the_last(backend: Backend, clock: FrozenClock) -> None:
    """With ``max_crashes`` of 1 no crash is forgiven."""
    await insert(backend, new_job(clock))
    assert [found.buried for found in await crash(backend, clock, max_crashes=1)] == [True]


async def test_crashes_are_counted_apart_from_attempts(
    backend: Backend, clock: FrozenClock
) -> None:
    """Retries, snoozes and releases between crashes neither add to them nor wipe them out."""
    new = new_job(clock, max_attempts=50)
    await insert(backend, new)
    for outcome in (Retry(0, OOPS), Snooze(0), Release()):
        [job] = await claim(backend)
        await settle(backend, job, outcome)
    assert (await look(backend, new.id)).crashes == 0
    await crash(backend, clock)
    [job] = await claim(backend)
    await settle(backend, job, Retry(0, OOPS))
    await crash(backend, clock)
    assert (await look(backend, new.id)).crashes == 2


async def test_two_rescuers_at_once(backend: Backend, clock: FrozenClock) -> None:
    """Every worker rescues; together they take each job back once and count one crash."""
    await insert(backend, *(new_job(clock) for _ in range(20)))
    await register(backend, lease=30)
    jobs = await claim(backend)
    clock.advance(seconds=31)
    rescues = await asyncio.gather(*(backend.jobs.rescue(max_crashes=3) for _ in range(4)))
    got = sorted(found.job_id for batch in rescues for found in batch)
    assert got == sorted(job.id for job in jobs)
    assert {row.crashes for row in await backend.jobs.find()} == {1}


async def test_a_rescued_job_runs_in_its_old_place(backend: Backend, clock: FrozenClock) -> None:
    """It is due as it was before, so it comes before what was enqueued meanwhile."""
    lost = new_job(clock)
    await insert(backend, lost)
    await crash(backend, clock)
    later = new_job(clock)
    await insert(backend, later)
    assert [job.id for job in await claim(backend)] == [lost.id, later.id]
