"""Jobs whose task no living worker knows: they wait, but not for ever."""

from __future__ import annotations

from soniq.backends.contract import Backend
from soniq.job import JobStatus
from tests.support import FrozenClock
from tests.support.store import WORKER, claim, insert, letter, look, new_job, register


async def test_they_are_buried_when_the_grace_is_over(backend: Backend, clock: FrozenClock) -> None:
    """A job that has been due for longer than the grace becomes a dead letter, attempt unspent."""
    new = new_job(clock, "gone.task")
    await insert(backend, new)
    clock.advance(seconds=601)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=600) == 1
    assert await backend.jobs.get(new.id) is None
    record = await letter(backend, new.id)
    assert (record.reason, record.attempts, record.job_name) == ("job_not_found", 0, "gone.task")
    assert record.finished_at == clock.now()
    assert record.last_error


async def test_not_before(backend: Backend, clock: FrozenClock) -> None:
    """Within the grace nothing happens; it counts from when the job was due, not from its birth."""
    new = new_job(clock, "gone.task", delay=500)
    await insert(backend, new)
    clock.advance(seconds=1000)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=600) == 0
    clock.advance(seconds=99)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=600) == 0
    clock.advance(seconds=2)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=600) == 1


async def test_without_grace(backend: Backend, clock: FrozenClock) -> None:
    """With a grace of 0 what is due is buried at once, what is scheduled is not."""
    await insert(backend, new_job(clock, "gone.task"), new_job(clock, "gone.task", delay=60))
    clock.advance(seconds=0.000001)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=0) == 1
    assert await backend.jobs.due_in(None) is not None


async def test_a_living_worker_that_knows_the_name(backend: Backend, clock: FrozenClock) -> None:
    """As long as somebody alive knows the task, its jobs wait for him."""
    await register(backend, lease=30, tasks=("mail.send", "gone.task"))
    await insert(backend, new_job(clock, "gone.task"), new_job(clock, "other.task"))
    clock.advance(seconds=29)
    assert await backend.jobs.bury_unknown(["gone.task", "other.task"], grace=1) == 1
    clock.advance(seconds=2)
    assert await backend.jobs.bury_unknown(["gone.task", "other.task"], grace=1) == 1


async def test_half_a_name_is_no_name(backend: Backend, clock: FrozenClock) -> None:
    """Names are compared as wholes, also those with signs that mean something elsewhere."""
    await register(backend, lease=9999, tasks=("gone.task.more", "gone", "gone_task", "%"))
    await insert(backend, new_job(clock, "gone.task"))
    clock.advance(seconds=5)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=1) == 1


async def test_only_the_names_that_were_given(backend: Backend, clock: FrozenClock) -> None:
    """Jobs of other names are none of its business; no names, no burials."""
    await insert(backend, new_job(clock, "gone.a"), new_job(clock, "gone.b"))
    clock.advance(seconds=5)
    assert await backend.jobs.bury_unknown([], grace=1) == 0
    assert await backend.jobs.bury_unknown({"gone.a"}, grace=1) == 1
    assert [job.job_name for job in await backend.jobs.find()] == ["gone.b"]


async def test_running_and_ended_jobs_stay(backend: Backend, clock: FrozenClock) -> None:
    """Somebody runs it, so somebody knows it; and what was cancelled stays cancelled."""
    running, cancelled = new_job(clock, "gone.task"), new_job(clock, "gone.task")
    await insert(backend, cancelled)
    await backend.jobs.cancel(cancelled.id)
    await insert(backend, running)
    await claim(backend, worker=WORKER)
    clock.advance(hours=5)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=1) == 0
    assert (await look(backend, running.id)).status is JobStatus.PROCESSING
    assert (await look(backend, cancelled.id)).status is JobStatus.CANCELLED
