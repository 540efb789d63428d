"""Unique keys: one waiting job per key, and nobody is ever lost over it."""

from __future__ import annotations

import asyncio

import pytest

from soniq.backends.contract import Backend
from soniq.job import ClaimedJob, JobStatus
from soniq.outcome import Bury, Complete, Crash, Outcome, Reason, Release, Retry, Settlement, Snooze
from tests.support import FrozenClock
from tests.support.store import (
    OOPS,
    WORKER,
    buried,
    claim,
    claimed_job,
    insert,
    keys,
    look,
    new_job,
    register,
    settle,
)

BACK: list[Outcome] = [Retry(0, OOPS), Snooze(0), Release(), Crash(OOPS)]


@pytest.fixture(params=BACK, ids=lambda outcome: type(outcome).__name__.lower())
def back(request: pytest.FixtureRequest) -> Outcome:
    """Every outcome that leads back to QUEUED."""
    chosen: Outcome = request.param
    return chosen


async def twins(backend: Backend, clock: FrozenClock, key: str = "k") -> list[ClaimedJob]:
    """Return two running jobs that both came with the same key."""
    return [await claimed_job(backend, new_job(clock, key=key)) for _ in range(2)]


async def test_a_duplicate_is_the_job_that_waits(backend: Backend, clock: FrozenClock) -> None:
    """The second insert writes nothing and names the first job, whatever else differs."""
    first = new_job(clock, key="k", args='{"n":1}')
    await insert(backend, first)
    clock.advance(seconds=1)
    second = new_job(clock, "other.name", key="k", args='{"n":2}', queue="x", priority=1)
    assert await insert(backend, second) == [first.id]
    assert await backend.jobs.get(second.id) is None
    assert (await look(backend, first.id)).args == {"n": 1}


async def test_other_keys_and_no_keys_are_free(backend: Backend, clock: FrozenClock) -> None:
    """Only an equal key stands in the way; jobs without one never do."""
    jobs = [new_job(clock, key=key) for key in ("k", "K", "k ", "", None, None)]
    assert await insert(backend, *jobs) == [job.id for job in jobs]
    assert await keys(backend) == [None, None, "", "K", "k", "k "]


async def test_duplicates_within_one_batch(backend: Backend, clock: FrozenClock) -> None:
    """The first of a batch stands for the later ones with its key, also mixed with others."""
    a, b, c, d, e = (new_job(clock, key=key) for key in ("x", None, "x", "y", "x"))
    assert await insert(backend, a, b, c, d, e) == [a.id, b.id, a.id, d.id, a.id]
    assert len(await backend.jobs.find()) == 3


async def test_a_batch_meets_one_that_waits(backend: Backend, clock: FrozenClock) -> None:
    """Some of a batch may be duplicates of what is there already."""
    old = new_job(clock, key="x")
    await insert(backend, old)
    a, b = new_job(clock, key="y"), new_job(clock, key="x")
    assert await insert(backend, b, a, b) == [old.id, a.id, old.id]


async def test_a_scheduled_job_holds_its_key(backend: Backend, clock: FrozenClock) -> None:
    """A job for tomorrow is waiting as much as one for now."""
    first = new_job(clock, key="k", delay=86_400)
    await insert(backend, first)
    assert await insert(backend, new_job(clock, key="k")) == [first.id]


async def test_a_job_between_two_attempts_holds_its_key(
    backend: Backend, clock: FrozenClock, back: Outcome
) -> None:
    """A job that went back to QUEUED with nobody in its way still has its key."""
    first = await claimed_job(backend, new_job(clock, key="k"))
    await settle(backend, first, back)
    assert (await look(backend, first.id)).unique_key == "k"
    assert await insert(backend, new_job(clock, key="k")) == [first.id]


@pytest.mark.parametrize("end", ["processing", "done", "cancelled", "buried", "deleted"])
async def test_only_waiting_jobs_hold_keys(backend: Backend, clock: FrozenClock, end: str) -> None:
    """A job that runs, has ended or is gone does not block the next one."""
    first, second = new_job(clock, key="k"), new_job(clock, key="k")
    await insert(backend, first)
    if end in {"cancelled", "deleted"}:
        await backend.jobs.cancel(first.id)
    else:
        [job] = await claim(backend)
        if end == "done":
            await settle(backend, job, Complete("1"))
        if end == "buried":
            await settle(backend, job, Bury(Reason.TIMEOUT, OOPS))
    if end == "deleted":
        await backend.jobs.delete(first.id)
    assert await insert(backend, second) == [second.id]
    assert (await look(backend, second.id)).status is JobStatus.QUEUED


async def test_fifty_at_once_make_one_row(backend: Backend, clock: FrozenClock) -> None:
    """Racing inserts with one key all name the one job that was written."""
    jobs = [new_job(clock, key="k") for _ in range(50)]
    answers = await asyncio.gather(*(insert(backend, job) for job in jobs))
    [row] = await backend.jobs.find()
    assert answers == 50 * [[row.id]]


async def test_racing_batches_with_crossed_keys(backend: Backend, clock: FrozenClock) -> None:
    """Batches that name the same keys in different orders neither deadlock nor double a job."""
    names = [f"key {n}" for n in range(12)]
    orders = [names, names[::-1], names[6:] + names[:6], names[::2] + names[1::2]] * 3
    batches = [[new_job(clock, key=key) for key in order] for order in orders]
    answers = await asyncio.gather(*(insert(backend, *batch) for batch in batches))
    assert await keys(backend) == sorted(names)
    holder = {row.unique_key: row.id for row in await backend.jobs.find()}
    assert answers == [[holder[key] for key in order] for order in orders]


async def test_racing_with_claims(backend: Backend, clock: FrozenClock) -> None:
    """While claims take the holder away, every insert still answers with a job that was there."""
    inserts = asyncio.gather(*(insert(backend, new_job(clock, key="k")) for _ in range(20)))
    claims = asyncio.gather(*(claim(backend, limit=1) for _ in range(20)))
    answers, _ = await asyncio.gather(inserts, claims)
    told = {job_id for answer in answers for job_id in answer}
    assert told == {row.id for row in await backend.jobs.find()}


async def test_going_back_gives_up_a_key_that_is_taken(
    backend: Backend, clock: FrozenClock, back: Outcome
) -> None:
    """A job that goes back while another waits under its key is queued all the same, without it."""
    first = await claimed_job(backend, new_job(clock, key="k"))
    rival = new_job(clock, key="k")
    await insert(backend, rival)
    assert await settle(backend, first, back)
    row = await look(backend, first.id)
    assert (row.status, row.unique_key) == (JobStatus.QUEUED, None)
    assert (await look(backend, rival.id)).unique_key == "k"
    assert await insert(backend, new_job(clock, key="k")) == [rival.id]
    assert {job.id for job in await claim(backend)} == {first.id, rival.id}


async def test_a_cancelled_job_on_its_way_back_gives_up_a_taken_key(
    backend: Backend, clock: FrozenClock, back: Outcome
) -> None:
    """Where the way back ends as CANCELLED, the key goes by the same rule, on every backend."""
    first = await claimed_job(backend, new_job(clock, key="k"))
    await insert(backend, new_job(clock, key="k"))
    assert await backend.jobs.cancel(first.id)
    assert await settle(backend, first, back)
    row = await look(backend, first.id)
    assert (row.status, row.unique_key) == (JobStatus.CANCELLED, None)


async def test_a_key_once_given_up_stays_given_up(backend: Backend, clock: FrozenClock) -> None:
    """When the rival has gone, the job does not take the key back: it is free for a new job."""
    first = await claimed_job(backend, new_job(clock, key="k"))
    rival = new_job(clock, key="k")
    await insert(backend, rival)
    await settle(backend, first, Retry(60, OOPS))
    await backend.jobs.cancel(rival.id)
    third = new_job(clock, key="k")
    assert await insert(backend, third) == [third.id]


async def test_two_of_one_batch(backend: Backend, clock: FrozenClock, back: Outcome) -> None:
    """Two jobs of one key that go back in one call are both queued, one of them with the key."""
    first, second = await twins(backend, clock)
    batch = [Settlement(first, back), Settlement(second, back)]
    assert await backend.jobs.settle(batch, worker=WORKER) == {first.id, second.id}
    assert await keys(backend) == [None, "k"]
    assert {row.status for row in await backend.jobs.find()} == {JobStatus.QUEUED}


async def test_all_kinds_in_one_batch(backend: Backend, clock: FrozenClock) -> None:
    """The same holds when they go back by different outcomes."""
    jobs = [await claimed_job(backend, new_job(clock, key="k")) for _ in BACK]
    batch = [Settlement(job, outcome) for job, outcome in zip(jobs, BACK, strict=True)]
    assert await backend.jobs.settle(batch, worker=WORKER) == {job.id for job in jobs}
    assert await keys(backend) == [None, None, None, "k"]


async def test_a_clash_hurts_no_other_row(backend: Backend, clock: FrozenClock) -> None:
    """Rows beside a clash are written as they would have been without it."""
    first, second = await twins(backend, clock)
    await insert(backend, *(new_job(clock, key=f"other {n}") for n in range(5)))
    others = await claim(backend)
    batch = [
        Settlement(others[0], Retry(0, OOPS)),
        Settlement(first, Retry(0, OOPS)),
        Settlement(others[1], Complete("1")),
        Settlement(second, Retry(0, OOPS)),
        *(Settlement(job, Retry(0, OOPS)) for job in others[2:]),
    ]
    owned = await backend.jobs.settle(batch, worker=WORKER)
    assert owned == {settlement.job.id for settlement in batch}
    assert (await look(backend, others[1].id)).status is JobStatus.DONE
    assert await keys(backend) == [None, "k", *(f"other {n}" for n in range(5))]


async def test_racing_returns(backend: Backend, clock: FrozenClock) -> None:
    """Jobs of one key that go back at the same moment while it is inserted anew all survive."""
    jobs = [await claimed_job(backend, new_job(clock, key="k")) for _ in range(8)]
    settled = [settle(backend, job, BACK[n % 3]) for n, job in enumerate(jobs)]
    inserted = [insert(backend, new_job(clock, key="k")) for _ in range(4)]
    assert all(await asyncio.gather(*settled, *inserted))
    rows = {row.id: row for row in await backend.jobs.find()}
    assert {rows[job.id].status for job in jobs} == {JobStatus.QUEUED}
    assert [row.unique_key for row in rows.values()].count("k") == 1


async def test_rescue_gives_up_a_key_that_is_taken(backend: Backend, clock: FrozenClock) -> None:
    """A rescued job with a waiting rival is queued without its key."""
    await register(backend, lease=30)
    first = await claimed_job(backend, new_job(clock, key="k"))
    rival = new_job(clock, key="k")
    await insert(backend, rival)
    clock.advance(seconds=31)
    assert len(await backend.jobs.rescue(max_crashes=3)) == 1
    row = await look(backend, first.id)
    assert (row.status, row.unique_key) == (JobStatus.QUEUED, None)
    assert (await look(backend, rival.id)).unique_key == "k"


async def test_rescue_of_two_with_one_key(backend: Backend, clock: FrozenClock) -> None:
    """Both are queued, one of them with the key, and so is the third beside them."""
    await register(backend, lease=30)
    await twins(backend, clock)
    await claimed_job(backend, new_job(clock, key="other"))
    clock.advance(seconds=31)
    assert len(await backend.jobs.rescue(max_crashes=3)) == 3
    assert await keys(backend) == [None, "k", "other"]
    assert {row.status for row in await backend.jobs.find()} == {JobStatus.QUEUED}


async def test_a_replayed_job_has_no_key(backend: Backend, clock: FrozenClock) -> None:
    """A replay never clashes with a job that waits under the key it once had."""
    await buried(backend, new_job(clock, key="k"))
    rival = new_job(clock, key="k")
    await insert(backend, rival)
    [record] = await backend.dead_letters.find()
    fresh = clock.new_id()
    assert await backend.dead_letters.replay(record.id, new_id=fresh)
    assert (await look(backend, fresh)).unique_key is None
    assert await keys(backend) == [None, "k"]
