"""Claiming: which jobs, in which order, and to whom."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

from soniq.backends.contract import Backend
from soniq.job import ClaimedJob, JobStatus
from soniq.outcome import Release, Retry
from tests.support import FrozenClock
from tests.support.store import OOPS, OTHER, WORKER, claim, insert, look, new_job, settle


async def test_a_claim_says_what_the_worker_needs(backend: Backend, clock: FrozenClock) -> None:
    """A claim carries the job's facts, attempt 1 and the first fence."""
    new = new_job(clock, "shop.pay", queue="money", args='{"order":1}', max_attempts=3)
    await insert(backend, new)
    created = clock.now()
    clock.advance(seconds=2)
    [claimed] = await claim(backend)
    assert claimed == ClaimedJob(
        id=new.id,
        job_name="shop.pay",
        queue="money",
        args='{"order":1}',
        attempt=1,
        max_attempts=3,
        fence=1,
        scheduled_at=created,
        created_at=created,
    )


async def test_a_claimed_job_is_processing(backend: Backend, clock: FrozenClock) -> None:
    """The row shows who runs it, since when, and which attempt it is."""
    new = new_job(clock)
    await insert(backend, new)
    clock.advance(seconds=2)
    await claim(backend, worker=OTHER)
    job = await look(backend, new.id)
    assert job.status is JobStatus.PROCESSING
    assert (job.worker_id, job.started_at, job.attempts) == (OTHER, clock.now(), 1)
    assert job.finished_at is None


async def test_priority_then_time_then_id(backend: Backend, clock: FrozenClock) -> None:
    """Low numbers first; within one priority the longest due; within one moment the lowest id."""
    ids = [clock.new_id() for _ in range(6)]
    now = clock.now()
    await insert(
        backend,
        new_job(clock, id=ids[5], priority=200),
        new_job(clock, id=ids[0], priority=50, scheduled_at=now + timedelta(seconds=2)),
        new_job(clock, id=ids[4], priority=50, scheduled_at=now + timedelta(seconds=1)),
        new_job(clock, id=ids[3], priority=100),
        new_job(clock, id=ids[2], priority=100),
        new_job(clock, id=ids[1], priority=1, scheduled_at=now + timedelta(seconds=3)),
    )
    clock.advance(seconds=3)
    claimed = [job.id for job in await claim(backend, queues=("default",))]
    assert claimed == [ids[1], ids[4], ids[0], ids[2], ids[3], ids[5]]


async def test_first_in_first_out(backend: Backend, clock: FrozenClock) -> None:
    """Jobs of one priority that are due at the same moment come in the order of their ids."""
    jobs = [new_job(clock) for _ in range(60)]
    await insert(backend, *random.sample(jobs, len(jobs)))
    one_by_one = [(await claim(backend, limit=7, queues=("default",))) for _ in range(9)]
    assert [job.id for batch in one_by_one for job in batch] == [job.id for job in jobs]


async def test_at_most_the_limit(backend: Backend, clock: FrozenClock) -> None:
    """A claim takes no more than was asked for, and the rest stays for the next one."""
    await insert(backend, *(new_job(clock) for _ in range(5)))
    assert len(await claim(backend, limit=3)) == 3
    assert len(await claim(backend, limit=3)) == 2
    assert await claim(backend, limit=3) == []


async def test_a_job_waits_for_its_time(backend: Backend, clock: FrozenClock) -> None:
    """A delayed job is claimed at its moment and not a microsecond before."""
    new = new_job(clock, priority=1, delay=60)
    await insert(backend, new)
    clock.advance(seconds=59.999999)
    assert await claim(backend) == []
    assert await claim(backend, queues=("default",)) == []
    clock.advance(seconds=0.000001)
    assert [job.id for job in await claim(backend, queues=("default",))] == [new.id]


async def test_many_jobs_for_tomorrow_do_not_hide_one_for_now(
    backend: Backend, clock: FrozenClock
) -> None:
    """What is scheduled never stands in the way of what is due, in one queue or in all."""
    await insert(backend, *(new_job(clock, priority=1, delay=86_400) for _ in range(500)))
    first, second = new_job(clock, priority=2), new_job(clock, priority=1000)
    await insert(backend, second, first)
    assert [job.id for job in await claim(backend, limit=1, queues=("default",))] == [first.id]
    assert [job.id for job in await claim(backend, limit=1)] == [second.id]


async def test_queues_that_are_not_served_are_left_alone(
    backend: Backend, clock: FrozenClock
) -> None:
    """Only the named queues are served; no name, no job."""
    mail, money = new_job(clock, queue="mail"), new_job(clock, queue="money")
    await insert(backend, mail, money)
    assert await claim(backend, queues=()) == []
    assert await claim(backend, queues=("mai", "maill", "Mail", "m%")) == []
    assert [job.id for job in await claim(backend, queues=("money",))] == [money.id]
    assert (await look(backend, mail.id)).status is JobStatus.QUEUED


async def test_none_means_all_queues_also_later_ones(backend: Backend, clock: FrozenClock) -> None:
    """A worker without a list of queues takes from those that appear after its start."""
    assert await claim(backend) == []
    new = new_job(clock, queue="brand new")
    await insert(backend, new)
    assert [job.id for job in await claim(backend)] == [new.id]


async def test_a_queue_named_twice_counts_once(backend: Backend, clock: FrozenClock) -> None:
    """Naming a queue twice gives no job twice."""
    jobs = [new_job(clock, queue="a") for _ in range(4)]
    await insert(backend, *jobs)
    claimed = await claim(backend, limit=3, queues=("a", "b", "a"))
    assert [job.id for job in claimed] == [job.id for job in jobs[:3]]


async def test_several_queues_are_merged_exactly(backend: Backend, clock: FrozenClock) -> None:
    """The order over several queues is the order that one queue with all jobs would have."""
    chance = random.Random(7)
    now = clock.now()
    jobs = [
        new_job(
            clock,
            queue=chance.choice("abcde"),
            priority=chance.choice([1, 50, 100]),
            scheduled_at=now + timedelta(seconds=chance.randint(0, 5)),
        )
        for _ in range(120)
    ]
    await insert(backend, *chance.sample(jobs, len(jobs)))
    clock.advance(seconds=4)
    served = [
        job
        for job in jobs
        if job.queue in "abcd" and job.scheduled_at is not None and job.scheduled_at <= clock.now()
    ]
    expected = sorted(served, key=lambda job: (job.priority, job.scheduled_at, job.id))
    got: list[str] = []
    while batch := await claim(backend, limit=9, queues=("d", "a", "c", "b")):
        got += [job.id for job in batch]
    assert got == [job.id for job in expected]


async def test_all_queues_are_merged_exactly(backend: Backend, clock: FrozenClock) -> None:
    """The same holds for a worker that serves all queues."""
    chance = random.Random(8)
    jobs = [
        new_job(clock, queue=chance.choice("abc"), priority=chance.choice([3, 4]))
        for _ in range(60)
    ]
    await insert(backend, *jobs)
    expected = sorted(jobs, key=lambda job: (job.priority, job.id))
    got: list[str] = []
    while batch := await claim(backend, limit=7):
        got += [job.id for job in batch]
    assert got == [job.id for job in expected]


async def test_one_queue_never_starves_the_other(backend: Backend, clock: FrozenClock) -> None:
    """An urgent job in a short queue passes a long queue of ordinary ones."""
    await insert(backend, *(new_job(clock, queue="long") for _ in range(200)))
    urgent = new_job(clock, queue="short", priority=1)
    await insert(backend, urgent)
    assert [job.id for job in await claim(backend, limit=1, queues=("long", "short"))] == [
        urgent.id
    ]


async def test_unknown_names_are_left_alone(backend: Backend, clock: FrozenClock) -> None:
    """Jobs whose task the worker does not know stay queued, and those behind them are found."""
    strangers = [new_job(clock, f"gone.{n % 2}", priority=1) for n in range(40)]
    known = [new_job(clock, priority=9) for _ in range(3)]
    await insert(backend, *strangers, *known)
    for queues in (("default",), ("default", "other"), None):
        [claimed] = await backend.jobs.claim(
            queues, limit=1, worker=WORKER, unknown=["gone.0", "gone.1"]
        )
        assert claimed.id == known.pop(0).id
    job = await look(backend, strangers[0].id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    assert len(await backend.jobs.claim(None, limit=99, worker=WORKER, unknown={"gone.0"})) == 20


async def test_no_job_is_given_to_two_claims(backend: Backend, clock: FrozenClock) -> None:
    """Twelve claims at once share sixty jobs out without a rest or a double."""
    jobs = [new_job(clock, queue="ab"[n % 2]) for n in range(60)]
    await insert(backend, *jobs)
    served = [("a",), ("b",), ("a", "b"), None]
    claims = [claim(backend, limit=5, queues=served[n % 4]) for n in range(12)]
    got = [job.id for batch in await asyncio.gather(*claims) for job in batch]
    while batch := await claim(backend, limit=5):
        got += [job.id for job in batch]
    assert sorted(got) == sorted(job.id for job in jobs)


async def test_each_claim_raises_attempt_and_fence(backend: Backend, clock: FrozenClock) -> None:
    """A retry spends an attempt, a release gives it back, and the fence rises all the time."""
    await insert(backend, new_job(clock))
    seen = []
    for outcome in (Retry(0, OOPS), Release(), Retry(0, OOPS), Release()):
        [job] = await claim(backend)
        seen.append((job.attempt, job.fence))
        await settle(backend, job, outcome)
    assert seen == [(1, 1), (2, 2), (2, 3), (3, 4)]


async def test_queues_with_odd_names(backend: Backend, clock: FrozenClock) -> None:
    """Commas, quotes, braces and spaces in a queue's name mean nothing special."""
    odd = ("a,b", 'quo"te', "o'clock", "{brace}", " ", "NULL", "ü")
    jobs = [new_job(clock, queue=queue) for queue in odd]
    await insert(backend, *jobs)
    assert len(await claim(backend, queues=("a", "b", "null", "brace"))) == 0
    assert [job.queue for job in await claim(backend, queues=odd)] == list(odd)
