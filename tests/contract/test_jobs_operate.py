"""Looking at jobs and intervening: get, find, cancel, delete, prune."""

from __future__ import annotations

import pytest

from soniq.backends.contract import Backend
from soniq.errors import JobProcessing
from soniq.job import JobStatus
from soniq.outcome import Complete
from tests.support import FrozenClock
from tests.support.store import NOBODY, claim, claimed_job, insert, look, new_job, settle


@pytest.mark.parametrize("job_id", [NOBODY, "", "no uuid", "'; --", "9" * 400, "\x00"])
async def test_no_such_job(backend: Backend, clock: FrozenClock, job_id: str) -> None:
    """An id that no job has, or could have, is answered and not raised."""
    await insert(backend, new_job(clock))
    assert await backend.jobs.get(job_id) is None
    assert not await backend.jobs.cancel(job_id)
    assert not await backend.jobs.delete(job_id)
    assert len(await backend.jobs.find()) == 1


async def test_every_read_is_fresh(backend: Backend, clock: FrozenClock) -> None:
    """Changing what was read changes nothing in the store."""
    new = new_job(clock, args='{"list":[1]}')
    await insert(backend, new)
    (await look(backend, new.id)).args["list"].append(2)
    assert (await look(backend, new.id)).args == {"list": [1]}


async def test_newest_first(backend: Backend, clock: FrozenClock) -> None:
    """Jobs are listed by id, the highest first, however they were inserted."""
    jobs = [new_job(clock) for _ in range(5)]
    await insert(backend, jobs[3], jobs[0], jobs[4], jobs[1], jobs[2])
    found = await backend.jobs.find()
    assert [job.id for job in found] == [job.id for job in reversed(jobs)]


async def test_filters(backend: Backend, clock: FrozenClock) -> None:
    """Queue, status and name each narrow the answer, alone and together."""
    a = new_job(clock, "x", queue="q")
    b = new_job(clock, "y", queue="q")
    c = new_job(clock, "x", queue="r")
    await insert(backend, a, b, c)
    await backend.jobs.cancel(c.id)
    jobs = backend.jobs

    assert {job.id for job in await jobs.find(queue="q")} == {a.id, b.id}
    assert {job.id for job in await jobs.find(name="x")} == {a.id, c.id}
    assert [job.id for job in await jobs.find(status=JobStatus.CANCELLED)] == [c.id]
    assert [job.id for job in await jobs.find(status=JobStatus.QUEUED, name="x")] == [a.id]
    assert await jobs.find(queue="r", name="y") == []
    assert await jobs.find(status=JobStatus.DONE) == []


async def test_pages(backend: Backend, clock: FrozenClock) -> None:
    """``limit`` and ``offset`` cut pages out of the whole; 100 is the default."""
    await insert(backend, *(new_job(clock) for _ in range(105)))
    everything = [job.id for job in await backend.jobs.find(limit=1000)]
    assert len(everything) == 105
    assert [job.id for job in await backend.jobs.find()] == everything[:100]
    assert [job.id for job in await backend.jobs.find(limit=3, offset=4)] == everything[4:7]
    assert await backend.jobs.find(offset=200) == []
    assert await backend.jobs.find(limit=0) == []


async def test_cancel(backend: Backend, clock: FrozenClock) -> None:
    """A waiting job is cancelled once, has an end, and is never claimed."""
    now, later = new_job(clock), new_job(clock, delay=60)
    await insert(backend, now, later)
    clock.advance(seconds=5)
    for new in (now, later):
        assert await backend.jobs.cancel(new.id)
        assert not await backend.jobs.cancel(new.id)
        row = await look(backend, new.id)
        assert (row.status, row.finished_at) == (JobStatus.CANCELLED, clock.now())
    clock.advance(minutes=2)
    assert await claim(backend) == []
    assert await backend.jobs.due_in(None) is None


async def test_only_unfinished_jobs_can_be_cancelled(backend: Backend, clock: FrozenClock) -> None:
    """A running job runs on until its worker stops it; a finished one stays what it is."""
    job = await claimed_job(backend, new_job(clock))
    assert await backend.jobs.cancel(job.id)
    assert await backend.jobs.cancel(job.id)
    assert (await look(backend, job.id)).status is JobStatus.PROCESSING
    await settle(backend, job, Complete("1"))
    assert not await backend.jobs.cancel(job.id)
    assert (await look(backend, job.id)).status is JobStatus.DONE


async def test_delete(backend: Backend, clock: FrozenClock) -> None:
    """Waiting, cancelled and finished jobs can be deleted, each once."""
    done = await claimed_job(backend, new_job(clock))
    await settle(backend, done, Complete("1"))
    waiting, cancelled = new_job(clock), new_job(clock)
    await insert(backend, waiting, cancelled)
    await backend.jobs.cancel(cancelled.id)
    for job_id in (done.id, waiting.id, cancelled.id):
        assert await backend.jobs.delete(job_id)
        assert not await backend.jobs.delete(job_id)
    assert await backend.jobs.find() == []


async def test_a_running_job_is_not_deleted(backend: Backend, clock: FrozenClock) -> None:
    """Deleting it would pull it away from its worker, so that is refused."""
    job = await claimed_job(backend, new_job(clock))
    with pytest.raises(JobProcessing, match=job.id):
        await backend.jobs.delete(job.id)
    assert await settle(backend, job, Complete("1"))


async def test_prune(backend: Backend, clock: FrozenClock) -> None:
    """What ended longer ago than that goes; younger ends and jobs without an end stay."""
    old = await claimed_job(backend, new_job(clock))
    await settle(backend, old, Complete("1"))
    old_cancelled = new_job(clock)
    await insert(backend, old_cancelled)
    await backend.jobs.cancel(old_cancelled.id)
    waiting = new_job(clock, delay=1)
    await insert(backend, waiting)
    clock.advance(seconds=100)
    running = [job.id for job in await claim(backend)]
    young = await claimed_job(backend, new_job(clock))
    await settle(backend, young, Complete("1"))
    queued = new_job(clock)
    await insert(backend, queued)
    clock.advance(seconds=10)

    assert await backend.jobs.prune(older_than=111) == 0
    assert await backend.jobs.prune(older_than=109) == 2
    assert {job.id for job in await backend.jobs.find()} == {*running, young.id, queued.id}
    assert await backend.jobs.prune(older_than=0) == 1


async def test_prune_in_small_bites(backend: Backend, clock: FrozenClock) -> None:
    """One call deletes no more than its limit."""
    await insert(backend, *(new_job(clock) for _ in range(7)))
    for job in await backend.jobs.find():
        await backend.jobs.cancel(job.id)
    clock.advance(seconds=10)
    assert [await backend.jobs.prune(older_than=5, limit=3) for _ in range(4)] == [3, 3, 1, 0]
