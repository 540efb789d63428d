"""The fence: who no longer owns a job changes nothing about it."""

from __future__ import annotations

import asyncio

import pytest

from soniq.backends.contract import Backend
from soniq.job import ClaimedJob, JobStatus
from soniq.outcome import Bury, Complete, Crash, Outcome, Reason, Release, Retry, Settlement, Snooze
from tests.support import FrozenClock
from tests.support.store import (
    NOBODY,
    OOPS,
    OTHER,
    WORKER,
    claim,
    claimed_job,
    insert,
    look,
    new_job,
    register,
    settle,
)

OUTCOMES: list[Outcome] = [
    Complete('"stale"'),
    Retry(7, OOPS),
    Snooze(7),
    Release(),
    Crash(OOPS),
    Bury(Reason.TIMEOUT, OOPS),
]


@pytest.fixture(params=OUTCOMES, ids=lambda outcome: type(outcome).__name__.lower())
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """Every kind of outcome in turn."""
    chosen: Outcome = request.param
    return chosen


async def untouched(backend: Backend, job: ClaimedJob, outcome: Outcome, worker: str) -> None:
    """Check that the settlement is refused and that no table changes by it."""
    before = await contents(backend)
    assert not await settle(backend, job, outcome, worker=worker)
    assert await contents(backend) == before


async def contents(backend: Backend) -> list[dict[str, object]]:
    """Return all rows of jobs and dead letters."""
    return [
        *(dict(row) for row in await backend.jobs.find()),
        *(dict(row) for row in await backend.dead_letters.find()),
    ]


async def test_the_owner_may_settle(backend: Backend, clock: FrozenClock, outcome: Outcome) -> None:
    """The claim in force is accepted, so that the refusals below prove something."""
    job = await claimed_job(backend, new_job(clock))
    before = await contents(backend)
    assert await settle(backend, job, outcome)
    assert await contents(backend) != before


async def test_an_old_fence(backend: Backend, clock: FrozenClock, outcome: Outcome) -> None:
    """The same worker's earlier claim of the same job is void once it has claimed it again."""
    old = await claimed_job(backend, new_job(clock))
    await settle(backend, old, Release())
    [new] = await claim(backend)
    assert (new.id, new.attempt) == (old.id, old.attempt)
    await untouched(backend, old, outcome, WORKER)
    assert await settle(backend, new, outcome)


async def test_a_fence_from_the_future(
    backend: Backend, clock: FrozenClock, outcome: Outcome
) -> None:
    """A fence that nobody has been given is refused as well."""
    job = await claimed_job(backend, new_job(clock))
    await untouched(backend, job._replace(fence=job.fence + 1), outcome, WORKER)


async def test_another_worker(backend: Backend, clock: FrozenClock, outcome: Outcome) -> None:
    """The right fence in the wrong hands is refused."""
    job = await claimed_job(backend, new_job(clock))
    await untouched(backend, job, outcome, OTHER)
    assert await settle(backend, job, outcome)


async def test_settled_twice(backend: Backend, clock: FrozenClock, outcome: Outcome) -> None:
    """A repeated settlement changes nothing, so that it may be sent again after a lost answer."""
    job = await claimed_job(backend, new_job(clock))
    assert await settle(backend, job, outcome)
    clock.advance(minutes=1)
    for late in OUTCOMES:
        if not (isinstance(late, Complete) and isinstance(outcome, Complete)):
            await untouched(backend, job, late, WORKER)


async def test_completed_twice(backend: Backend, clock: FrozenClock) -> None:
    """A repeated completion is owned, though it changes nothing: the first answer may be lost."""
    job = await claimed_job(backend, new_job(clock))
    assert await settle(backend, job, Complete('"result"'))
    before = await contents(backend)
    clock.advance(minutes=1)
    assert await settle(backend, job, Complete('"result"'))
    assert await contents(backend) == before


async def test_done_by_another_claim(backend: Backend, clock: FrozenClock) -> None:
    """Only the claim that has made a job done may say so again."""
    old = await claimed_job(backend, new_job(clock))
    await settle(backend, old, Release())
    [new] = await claim(backend, worker=OTHER)
    assert await settle(backend, new, Complete('"new"'), worker=OTHER)
    for stale, worker in [
        (old, WORKER), (old, OTHER), (new, WORKER), (new._replace(fence=new.fence + 1), OTHER)
    ]:  # fmt: skip
        await untouched(backend, stale, Complete('"stale"'), worker)


async def test_twice_in_one_batch(backend: Backend, clock: FrozenClock) -> None:
    """A claim settled twice within one call is settled once."""
    job = await claimed_job(backend, new_job(clock))
    both = [Settlement(job, Complete("1")), Settlement(job, Bury(Reason.TIMEOUT, OOPS))]
    assert await backend.jobs.settle(both, worker=WORKER) == {job.id}
    rows = await contents(backend)
    assert len(rows) == 1


async def test_after_a_rescue(backend: Backend, clock: FrozenClock, outcome: Outcome) -> None:
    """A worker that was given up for dead can't settle any more, whoever has the job now."""
    await register(backend, WORKER, lease=30)
    old = await claimed_job(backend, new_job(clock))
    clock.advance(seconds=31)
    await backend.jobs.rescue(max_crashes=3)
    await untouched(backend, old, outcome, WORKER)
    [new] = await claim(backend, worker=OTHER)
    await untouched(backend, old, outcome, WORKER)
    await untouched(backend, old, outcome, OTHER)
    assert await settle(backend, new, outcome, worker=OTHER)


async def test_a_job_that_is_gone(backend: Backend, clock: FrozenClock, outcome: Outcome) -> None:
    """A settlement for a job that never was, or is no more, is refused without an error."""
    job = await claimed_job(backend, new_job(clock))
    await untouched(backend, job._replace(id=NOBODY), outcome, WORKER)
    await settle(backend, job, Complete("1"))
    assert await backend.jobs.delete(job.id)
    await untouched(backend, job, outcome, WORKER)


async def test_a_queued_job_has_no_owner(
    backend: Backend, clock: FrozenClock, outcome: Outcome
) -> None:
    """Nobody can settle a job that was cancelled or that merely waits."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Release())
    await untouched(backend, job, outcome, WORKER)
    assert await backend.jobs.cancel(job.id)
    await untouched(backend, job, outcome, WORKER)


async def test_stale_ones_do_not_hurt_the_rest(backend: Backend, clock: FrozenClock) -> None:
    """In one batch the claims in force are settled and the void ones are left out of the answer."""
    await insert(backend, *(new_job(clock) for _ in range(10)))
    jobs = await claim(backend)
    batch = [
        Settlement(job._replace(fence=job.fence - n % 2), OUTCOMES[n % 5])
        for n, job in enumerate(jobs)
    ]
    owned = await backend.jobs.settle(batch, worker=WORKER)
    assert owned == {job.id for n, job in enumerate(jobs) if n % 2 == 0}
    for n, job in enumerate(jobs):
        if n % 2:
            assert (await look(backend, job.id)).status is JobStatus.PROCESSING


async def test_only_one_of_many_settles(backend: Backend, clock: FrozenClock) -> None:
    """Of twenty settlements of one claim at the same moment, one is written or repeated."""
    job = await claimed_job(backend, new_job(clock))
    tries = [OUTCOMES[n % 5] for n in range(20)]
    owned = await asyncio.gather(*(settle(backend, job, outcome) for outcome in tries))
    written = [type(outcome) for outcome, wrote in zip(tries, owned, strict=True) if wrote]
    assert len(set(written)) == 1
    assert len(written) == 1 or set(written) == {Complete}
    assert len(await contents(backend)) == 1
