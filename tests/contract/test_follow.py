"""Following jobs: what has started and what has ended since the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from soniq import Soniq
from soniq import follow as module
from soniq.errors import InvalidSearch
from soniq.outcome import Bury, Cancel, Complete, Reason, Release, Retry
from soniq.search import JobSearch
from tests.support import FrozenClock
from tests.support.store import OOPS, WORKER, claim, claimed_job, insert, new_job, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soniq.backends.contract import Backend
    from soniq.follow import Follower
    from soniq.job import ClaimedJob, Job


@pytest.fixture
async def backend(app: Soniq) -> Backend:
    """The open backend of the app."""
    await app.ensure_initialized()
    return app.backend


async def seen(follower: Follower) -> list[tuple[str, str]]:
    """Return what a look tells: which job, and what has become of it."""
    return [(change.job_id, change.what) for change in await follower.look()]


async def running(
    backend: Backend, clock: FrozenClock, number: int = 1, **options: Any
) -> list[ClaimedJob]:
    """Start jobs, one after the other."""
    jobs: list[ClaimedJob] = []
    for _ in range(number):
        jobs.append(await claimed_job(backend, new_job(clock, **options)))
        clock.advance(seconds=0.1)
    return jobs


async def test_starts_and_ends(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Each is told once, in the order of what happened; what was before the first look is not."""
    done = (await running(backend, clock))[0]
    await settle(backend, done, Complete())
    old, *_ = await running(backend, clock)
    follower = await app.jobs.follower()
    assert await seen(follower) == []
    assert await seen(follower) == []
    clock.advance(seconds=1)
    new, other = await running(backend, clock, 2)
    assert await seen(follower) == [(new.id, "started"), (other.id, "started")]
    clock.advance(seconds=1)
    await settle(backend, old, Complete())
    clock.advance(seconds=0.1)
    await settle(backend, new, Bury(Reason.TIMEOUT, OOPS))
    clock.advance(seconds=0.1)
    await settle(backend, other, Cancel())
    first, second, third = await follower.look()
    assert [(one.job_id, one.what) for one in (first, second, third)] == [
        (old.id, "done"), (new.id, "dead"), (other.id, "cancelled")
    ]  # fmt: skip
    assert (first.seconds, first.at, first.worker_id) == (
        2.3, clock.now() - (third.at - first.at), WORKER
    )  # fmt: skip
    assert (second.error, second.attempt) == (OOPS.summary, 1)
    for _ in range(3):
        clock.advance(seconds=4)
        assert await seen(follower) == []


async def test_runs_between_two_looks(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """What began and ended since the last look did both; what never ran only ended."""
    follower = await app.jobs.follower()
    await follower.look()
    clock.advance(seconds=0.2)
    job, dead = await running(backend, clock, 2)
    await settle(backend, job, Complete())
    clock.advance(seconds=0.1)
    await settle(backend, dead, Bury(Reason.TIMEOUT, OOPS))
    [waiting] = await insert(backend, new_job(clock))
    clock.advance(seconds=0.1)
    await app.jobs.cancel(waiting)
    changes = await follower.look()
    assert [(change.job_id, change.what) for change in changes] == [
        (job.id, "started"), (dead.id, "started"), (job.id, "done"), (dead.id, "dead"),
        (waiting, "cancelled"),
    ]  # fmt: skip
    assert [change.seconds for change in changes] == [None, None, 0.2, 0.2, None]
    assert await seen(follower) == []


async def test_jobs_that_wait_again(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """A retry says until when and why; the next run is another start."""
    follower = await app.jobs.follower()
    await follower.look()
    [job] = await running(backend, clock)
    await follower.look()
    clock.advance(seconds=1)
    await settle(backend, job, Retry(60, OOPS))
    [change] = await follower.look()
    assert (change.what, change.error, change.attempt) == ("queued", OOPS.summary, 1)
    assert change.until is not None
    assert (change.until - clock.now()).total_seconds() == 60
    clock.advance(seconds=60)
    [again] = await claim(backend)
    assert await seen(follower) == [(job.id, "started")]
    clock.advance(seconds=1)
    await settle(backend, again, Release())
    [again] = await claim(backend)
    assert sorted(what for _, what in await seen(follower)) == ["queued", "started"]
    await settle(backend, again, Retry(60, OOPS))
    await app.jobs.cancel(job.id)
    assert await seen(follower) == [(job.id, "cancelled")]
    assert await seen(follower) == []


async def test_jobs_that_leave_no_record(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """One that was deleted as soon as it had ended is gone."""
    follower = await app.jobs.follower()
    await follower.look()
    [job] = await running(backend, clock)
    await follower.look()
    await settle(backend, job, Complete())
    assert await app.jobs.delete(job.id)
    assert await seen(follower) == [(job.id, "gone")]
    assert await seen(follower) == []


async def test_an_end_that_comes_between_two_reads(
    app: Soniq, backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is read as running and then as ended has ended once."""
    follower = await app.jobs.follower()
    await follower.look()
    [job] = await running(backend, clock)
    ended = backend.jobs.ended

    async def ended_just_now(**options: Any) -> Any:
        await settle(backend, job, Complete())
        return await ended(**options)

    monkeypatch.setattr(backend.jobs, "ended", ended_just_now)
    assert await seen(follower) == [(job.id, "started"), (job.id, "done")]
    monkeypatch.undo()
    assert await seen(follower) == []


async def test_only_what_matches(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Conditions go for the job as it stands with the change."""
    follower = await app.jobs.follower("task:mail.* args.user.id:42")
    deaths = await app.jobs.follower("reason:timeout error:OOPS")
    ends = await app.jobs.follower("state:done")
    for one in (follower, deaths, ends):
        await one.look()
    [job] = await running(backend, clock, args='{"user":{"id":42}}')
    [other] = await running(backend, clock, name="shop.pay")
    assert await seen(follower) == [(job.id, "started")]
    assert await seen(ends) == []
    await settle(backend, job, Complete())
    await settle(backend, other, Bury(Reason.TIMEOUT, OOPS))
    assert await seen(follower) == [(job.id, "done")]
    assert await seen(ends) == [(job.id, "done")]
    assert await seen(deaths) == [(other.id, "started"), (other.id, "dead")]
    with pytest.raises(InvalidSearch):
        await app.jobs.follower("colour:red")


async def test_more_than_can_be_told(
    app: Soniq, backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that something was left out."""
    monkeypatch.setattr(module, "MOST_ENDED", 3)
    follower = await app.jobs.follower(JobSearch())
    await follower.look()
    assert not follower.missed
    for job in await running(backend, clock, 4):
        await settle(backend, job, Complete())
    assert len([what for _, what in await seen(follower) if what == "done"]) == 3
    assert follower.missed


async def test_ended(backend: Backend, clock: FrozenClock) -> None:
    """The earliest end first, from a moment on, so many at most; not what runs or waits."""
    start = clock.now()
    jobs = await running(backend, clock, 5)
    for job in jobs[:4]:
        await settle(backend, job, Complete())
        clock.advance(seconds=1)
    await insert(backend, new_job(clock))
    await backend.jobs.delete(jobs[1].id)
    ended = await backend.jobs.ended(since=start)
    assert [one.id for one in ended] == [jobs[place].id for place in (0, 2, 3)]
    assert ended[0] == await backend.jobs.get(jobs[0].id)
    last = ended[-1].finished_at
    assert last is not None
    assert [one.id for one in await backend.jobs.ended(since=last)] == [jobs[3].id]
    assert await backend.jobs.ended(since=clock.now()) == []
    assert len(await backend.jobs.ended(since=start, limit=2)) == 2


async def test_runs(backend: Backend, clock: FrozenClock) -> None:
    """Ids and beginnings of what runs, the longest-running first, so many at most."""
    jobs = await running(backend, clock, 3)
    await insert(backend, new_job(clock))
    await settle(backend, jobs[1], Complete())
    runs = await backend.jobs.runs()
    assert runs == [(one.id, one.started_at) for one in await backend.jobs.running()]
    assert [job_id for job_id, _ in runs] == [jobs[0].id, jobs[2].id]
    assert await backend.jobs.runs(limit=1) == runs[:1]


async def test_many_jobs_by_their_ids(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Those that there are, each once; what is no id is nobody's."""
    made = [(await insert(backend, new_job(clock)))[0] for _ in range(3)]
    found = await app.jobs.get_many([made[2], made[0], made[0], clock.new_id(), "x", ""])
    assert sorted(found, key=lambda job: job.id) == [
        await app.jobs.get(made[0]), await app.jobs.get(made[2])
    ]  # fmt: skip
    assert await app.jobs.get_many([]) == []


async def test_a_look_reads_what_has_changed(
    app: Soniq, backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much runs: whole jobs are read only of what has begun or gone since the last look."""
    old = await running(backend, clock, 20)
    follower = await app.jobs.follower()
    await follower.look()
    read: list[str] = []
    get_many = backend.jobs.get_many

    async def noted(job_ids: Sequence[str]) -> list[Job]:
        read.extend(job_ids)
        return await get_many(job_ids)

    monkeypatch.setattr(backend.jobs, "get_many", noted)
    clock.advance(seconds=1)
    [new] = await running(backend, clock)
    await settle(backend, old[3], Retry(60, OOPS))
    assert await seen(follower) == [(new.id, "started"), (old[3].id, "queued")]
    assert sorted(read) == sorted([new.id, old[3].id])
    read.clear()
    assert await seen(follower) == []
    assert read == []
