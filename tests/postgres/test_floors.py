"""Claims that start where earlier ones left off: what lies below is found all the same."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.floors import LONGEST_REST, Floors
from soniq.backends.postgres.jobs import PostgresJobs
from soniq.job import JobStatus
from soniq.outcome import Complete, Release
from tests.support import FrozenClock
from tests.support.store import OTHER, claim, claimed_job, insert, new_job, register, settle

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
LATE = "UPDATE soniq_jobs SET scheduled_at = scheduled_at - interval '1 hour' WHERE id = $1"


def floors_of(backend: PostgresBackend) -> Floors:
    """Return the floors that the claims of a backend use."""
    assert isinstance(backend.jobs, PostgresJobs)
    return backend.jobs._claims._floors


async def make_front_dear(
    backend: PostgresBackend, clock: FrozenClock, *, limit: int = 100
) -> None:
    """Let floors settle, and then a look from the front take very long."""
    for _ in range(2):
        clock.advance(seconds=1)
        await claim(backend, limit=limit)
    now = clock.monotonic()
    floors_of(backend).looked_from_front(began=now, ended=now + 60)
    assert floors_of(backend).now()


@pytest.fixture(params=[0.0, 1.0], ids=["quick look", "dear look"])
def look_seconds(
    request: pytest.FixtureRequest,
    frozen: PostgresBackend,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> float:
    """Let a look below floors take the server so long; that its answer is late tells nothing."""
    seconds: float = request.param
    fetch = frozen._db.fetch

    async def fetch_slowly(verb: str, *args: object) -> list[Any]:
        records: list[Any] = await fetch(verb, *args)
        if verb != "jobs/below":
            return records
        clock.advance(seconds=60)
        assert all(record["seconds"] >= 0 for record in records)
        return [dict(record) | {"seconds": seconds} for record in records]

    monkeypatch.setattr(frozen._db, "fetch", fetch_slowly)
    return seconds


async def look_below(backend: PostgresBackend) -> None:
    """Wait for the end of the look below floors that is under way."""
    assert isinstance(backend.jobs, PostgresJobs)
    look = backend.jobs.front._look
    assert look is not None
    await look


@pytest.mark.parametrize("queues", [None, ("default",), ("default", "other")], ids=repr)
async def test_a_job_that_appears_below_a_floor_is_found_in_time(
    frozen: PostgresBackend,
    clock: FrozenClock,
    onlooker: Connection,
    look_seconds: float,
    queues: tuple[str, ...] | None,
) -> None:
    """It waits for the next look below the floors, and no longer; who sleeps is roused for it."""
    first = await claimed_job(frozen, new_job(clock))
    await settle(frozen, first, Complete())
    await make_front_dear(frozen, clock)
    late, usual = new_job(clock), new_job(clock)
    await insert(frozen, late, usual)
    await onlooker.execute(LATE, late.id)
    assert [job.id for job in await claim(frozen, queues=queues)] == [usual.id]
    assert await frozen.jobs.due_in(queues) is None
    await frozen.wakeups.wait(queues, 0)  # what the insertion called out is heard
    clock.advance(seconds=60 + LONGEST_REST)
    assert await frozen.jobs.due_in(queues) is None
    sleeper = asyncio.create_task(frozen.wakeups.wait(queues, 60))
    await look_below(frozen)
    await asyncio.wait_for(sleeper, 10)
    assert bool(floors_of(frozen).now()) == bool(look_seconds)
    assert await frozen.jobs.due_in(queues) == 0
    assert [job.id for job in await claim(frozen, queues=queues)] == [late.id]
    assert await claim(frozen, queues=queues) == []


async def test_a_claim_does_not_wait_for_a_look_below(
    frozen: PostgresBackend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on from the floors while a look is under way; closing the backend ends the look."""
    begun, fetch = asyncio.Event(), frozen._db.fetch

    async def fetch_or_hang(verb: str, *args: object) -> list[asyncpg.Record]:
        if verb == "jobs/below":
            begun.set()
            await asyncio.Event().wait()
        return await fetch(verb, *args)

    monkeypatch.setattr(frozen._db, "fetch", fetch_or_hang)
    await claimed_job(frozen, new_job(clock))
    await make_front_dear(frozen, clock)
    clock.advance(seconds=60 + LONGEST_REST)
    for _ in range(2):
        usual = new_job(clock)
        await insert(frozen, usual)
        assert [job.id for job in await claim(frozen)] == [usual.id]
        await begun.wait()
    await frozen.close()


async def test_a_job_given_back_is_found_at_once(
    frozen: PostgresBackend, clock: FrozenClock
) -> None:
    """What this process puts back itself is below the floor, and claimed first."""
    first = await claimed_job(frozen, new_job(clock))
    await make_front_dear(frozen, clock)
    await insert(frozen, new_job(clock))
    await settle(frozen, first, Release())
    assert (await claim(frozen, limit=1))[0].id == first.id


async def test_a_rescued_job_is_found_at_once(frozen: PostgresBackend, clock: FrozenClock) -> None:
    """So is a job of a worker that is gone."""
    await register(frozen, OTHER, lease=30)
    lost = await claimed_job(frozen, new_job(clock), worker=OTHER)
    clock.advance(seconds=31)
    await make_front_dear(frozen, clock)
    assert await claim(frozen) == []
    assert [rescued.job_id for rescued in await frozen.jobs.rescue(max_crashes=3)] == [lost.id]
    assert [job.id for job in await claim(frozen)] == [lost.id]


async def test_a_hastened_job_is_found_at_once(frozen: PostgresBackend, clock: FrozenClock) -> None:
    """Its place is behind what was taken before, or it is known to lie below."""
    old = new_job(clock, delay=9000)
    await insert(frozen, old, new_job(clock))
    await make_front_dear(frozen, clock)
    clock.advance(seconds=1)
    await insert(frozen, new_job(clock))
    assert len(await claim(frozen)) == 1
    assert await frozen.jobs.hasten(old.id)
    assert await frozen.jobs.due_in(None) == 0
    assert [job.id for job in await claim(frozen)] == [old.id]


async def test_a_job_that_somebody_else_hastens_is_found_at_once(
    frozen: PostgresBackend, clock: FrozenClock
) -> None:
    """A process that claims need not be told: what is due now lies behind its floors."""
    old = new_job(clock, delay=9000)
    await insert(frozen, old, new_job(clock))
    await make_front_dear(frozen, clock)
    clock.advance(seconds=1)
    await frozen._db.fetch("jobs/hasten", clock.now(), old.id)
    assert floors_of(frozen).now()
    assert [job.id for job in await claim(frozen)] == [old.id]


@pytest.mark.parametrize("served", [None, ("d", "a", "c", "b"), ("b",)], ids=repr)
async def test_the_order_is_the_same(
    frozen: PostgresBackend, clock: FrozenClock, served: tuple[str, ...] | None
) -> None:
    """Queues and priorities with a floor and without one are merged as if there were none."""
    chance = random.Random(7)
    await insert(
        frozen,
        *(new_job(clock, queue=q, priority=p) for q, p in [("b", 50), ("c", 50), ("c", 100)]),
    )
    assert len(await claim(frozen)) == 3
    await make_front_dear(frozen, clock)
    jobs = [
        new_job(
            clock,
            queue=chance.choice("abcd"),
            priority=chance.choice([1, 50, 70, 100, 200]),
            scheduled_at=clock.now() + timedelta(seconds=chance.randint(0, 5)),
        )
        for _ in range(200)
    ]
    await insert(frozen, *chance.sample(jobs, len(jobs)))
    clock.advance(seconds=4)
    expected = sorted(
        (
            job
            for job in jobs
            if job.queue in (served or "abcd")
            and job.scheduled_at is not None
            and job.scheduled_at <= clock.now()
        ),
        key=lambda job: (job.priority, job.scheduled_at, job.id),
    )
    got: list[str] = []
    while batch := await claim(frozen, limit=9, queues=served):
        assert floors_of(frozen).now()
        got += [job.id for job in batch]
    assert got == [job.id for job in expected]
    assert await frozen.jobs.due_in(served) == 1


async def test_after_a_pause_the_order_is_the_same(
    frozen: PostgresBackend, clock: FrozenClock
) -> None:
    """Claims that go on from floors pass a paused queue by, and later find it as they left it."""
    await insert(frozen, *(new_job(clock, queue=queue) for queue in "abc"))
    assert len(await claim(frozen)) == 3
    jobs = [new_job(clock, queue="abcd"[n % 4]) for n in range(80)]
    await insert(frozen, *jobs)
    for queue in "bd":
        await frozen.queues.pause(queue, by="ana")
    await make_front_dear(frozen, clock, limit=2)
    got = [job.id for job in await frozen.jobs.find(status=JobStatus.PROCESSING, queue="a")]
    assert len(got) == 3  # one of them from before
    while batch := await claim(frozen, limit=9):
        assert floors_of(frozen).now()
        assert {job.queue for job in batch} <= {"a", "c"}
    assert await frozen.jobs.due_in(None) is None
    for queue in "bd":
        await frozen.queues.resume(queue)
    assert await frozen.jobs.due_in(None) == 0
    got = []
    while batch := await claim(frozen, limit=9):
        assert floors_of(frozen).now()
        got += [job.id for job in batch]
    assert got == [job.id for job in jobs if job.queue in "bd"]


async def test_a_job_given_back_to_a_paused_queue_keeps_its_place(
    frozen: PostgresBackend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks from the front do not see it during the pause; after it, it is first all the same."""
    await insert(frozen, new_job(clock, queue="mail"), new_job(clock, queue="pay"))
    first, _ = await claim(frozen)
    await make_front_dear(frozen, clock)
    following = new_job(clock, queue="mail")
    await insert(frozen, following)
    await frozen.queues.pause("mail", by="ana")
    await settle(frozen, first, Release())
    fetch_once = frozen._db.fetch_once

    async def fetch_slowly(verb: str, *args: object) -> list[asyncpg.Record]:
        clock.advance(seconds=1)
        return await fetch_once(verb, *args)

    monkeypatch.setattr(frozen._db, "fetch_once", fetch_slowly)
    assert await claim(frozen) == []
    assert floors_of(frozen).now().keys() == {("pay", 100)}
    await frozen.queues.resume("mail")
    assert [job.id for job in await claim(frozen)] == [first.id, following.id]


async def test_one_queue_before_all_others_is_taken_in_full_claims(
    frozen: PostgresBackend, clock: FrozenClock
) -> None:
    """Where one of many queues has the oldest jobs, only the first claim gets few of them."""
    old = [new_job(clock, queue="old") for _ in range(400)]
    await insert(frozen, *old)
    clock.advance(seconds=1)
    await insert(frozen, *(new_job(clock, queue=f"queue {n % 40}") for n in range(80)))
    claims = [[job.id for job in await claim(frozen, limit=100)] for _ in range(3)]
    assert [len(batch) for batch in claims[1:]] == [100, 100]
    got = [job_id for batch in claims for job_id in batch]
    assert got == [job.id for job in old[: len(got)]]
