"""Queues that are paused: nobody claims from them, and nobody wakes or rings for them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from soniq import JobStatus, Soniq
from soniq.backends.contract import Backend, Queues
from soniq.clock import SystemClock
from soniq.errors import InvalidOption
from soniq.outcome import Complete, Release
from soniq.standing import Pause
from tests.support import FrozenClock
from tests.support.jobs import job_of, run_all
from tests.support.store import (
    OTHER,
    claim,
    claimed_job,
    insert,
    look,
    new_job,
    register,
    settle,
)

MakeApp = Callable[..., Soniq]
# A worker of all queues, of one, of several: each asks in its own way.
EACH_WAY = pytest.mark.parametrize("queues", [None, ("mail",), ("mail", "pay")], ids=repr)
# Far shorter than any poll of theirs, far longer than a wake-up takes.
SOON = 10.0


async def pause(backend: Backend, *queues: str) -> None:
    """Pause the queues."""
    for queue in queues:
        assert await backend.queues.pause(queue, by="cli:ana@host")


# --- what is known of a pause ---------------------------------------------------------------------


async def test_pauses_read_back(backend: Backend, clock: FrozenClock) -> None:
    """Who, when and why, sorted by queue; also of queues that have no jobs, whatever their name."""
    assert await backend.queues.paused() == []
    odd = ("a,b", 'quo"te', "o'clock", "{brace}", "NULL", "ü", "B", "a")
    for queue in odd:
        assert await backend.queues.pause(queue, by="dashboard:ana", reason="a\nb")
    assert await backend.queues.paused() == [
        Pause(queue, clock.now(), "dashboard:ana", "a\nb") for queue in sorted(odd)
    ]


async def test_pausing_again_replaces_all_but_the_time(
    backend: Backend, clock: FrozenClock
) -> None:
    """The latest author and reason count, and the time since when it has been paused."""
    since = clock.now()
    assert await backend.queues.pause("mail", by="ana", reason="provider down")
    clock.advance(minutes=5)
    assert not await backend.queues.pause("mail", by="bob")
    assert await backend.queues.paused() == [Pause("mail", since, "bob", "")]


async def test_resuming_ends_one_pause(backend: Backend, clock: FrozenClock) -> None:
    """It tells whether there was one, and the next pause is a new one."""
    await pause(backend, "mail", "pay")
    assert await backend.queues.resume("mail")
    assert not await backend.queues.resume("mail")
    assert [one.queue for one in await backend.queues.paused()] == ["pay"]
    clock.advance(minutes=5)
    await pause(backend, "mail")
    assert (await backend.queues.paused())[0].paused_at == clock.now()


async def test_any_text_can_be_a_reason(backend: Backend) -> None:
    """What no database takes is spelled out, rather than that a queue is not paused for it."""
    await backend.queues.pause("mail", by="ana", reason="a\x00b\ud800")
    assert (await backend.queues.paused())[0].reason == "a\\x00b\\ud800"


@pytest.mark.parametrize("queue", ["", "a\nb", "x" * 256])
async def test_a_name_that_no_queue_can_have_is_refused(app: Soniq, queue: str) -> None:
    """So is a pause by nobody."""
    with pytest.raises(InvalidOption, match="queue"):
        await app.queues.pause(queue, by="ana")
    with pytest.raises(InvalidOption, match="by"):
        await app.queues.pause("mail", by=" ")
    assert await app.queues.paused() == []


# --- claims -----------------------------------------------------------------------------------


@EACH_WAY
async def test_a_paused_queue_is_not_claimed_from(
    backend: Backend, clock: FrozenClock, queues: Queues
) -> None:
    """Not one job, not even the most urgent; once it is resumed they come in their order."""
    jobs = [new_job(clock, queue="mail", priority=priority) for priority in (50, 1, 100)]
    await insert(backend, *jobs)
    await pause(backend, "mail")
    assert await claim(backend, queues=queues) == []
    assert (await look(backend, jobs[1].id)).status is JobStatus.QUEUED
    await backend.queues.resume("mail")
    got = [job.id for job in await claim(backend, queues=queues)]
    assert got == [jobs[1].id, jobs[0].id, jobs[2].id]


async def test_the_other_queues_go_on_in_their_order(backend: Backend, clock: FrozenClock) -> None:
    """Order and limit are as if the paused queues were not there; then as if they never were."""
    chance = random.Random(7)
    jobs = [
        new_job(
            clock,
            queue=chance.choice("abcd"),
            priority=chance.choice([1, 50]),
            scheduled_at=clock.now() + timedelta(seconds=chance.randint(0, 3)),
        )
        for _ in range(80)
    ]
    await insert(backend, *chance.sample(jobs, len(jobs)))
    clock.advance(seconds=4)
    jobs.sort(key=lambda job: (job.priority, job.scheduled_at, job.id))
    await pause(backend, "a", "c")
    expected = [job.id for job in jobs if job.queue in "bd"]
    got = [job.id for job in await claim(backend, limit=9)]
    while batch := await claim(backend, limit=9, queues=("d", "a", "c", "b")):
        got += [job.id for job in batch]
    assert got == expected
    await backend.queues.resume("a")
    await backend.queues.resume("c")
    got = [job.id for job in await claim(backend, limit=9)]
    while batch := await claim(backend, limit=9):
        got += [job.id for job in batch]
    assert got == [job.id for job in jobs if job.queue in "ac"]


async def test_claims_under_way_obey_at_once(
    backend: Backend, make_backend: Callable[[FrozenClock], Backend], clock: FrozenClock
) -> None:
    """Of those that never cease, none that begins after the pause of another handle takes a job."""
    operator = make_backend(clock)
    await operator.open()
    await insert(backend, *(new_job(clock, queue="mail") for _ in range(300)))
    last, paused = new_job(clock, queue="mail"), asyncio.Event()

    async def work(queues: Queues) -> list[int]:
        begun_after: list[int] = []
        while len(begun_after) < 5:
            after = paused.is_set()
            taken = len(await claim(backend, limit=1, queues=queues))
            begun_after += [taken] if after else []
            await asyncio.sleep(0)
        return begun_after

    working = [asyncio.create_task(work(queues)) for queues in (("mail",), ("mail", "pay"), None)]
    await operator.queues.pause("mail", by="ana")
    await insert(operator, last)  # there is something to take, however much they had taken
    paused.set()
    assert await asyncio.gather(*working) == [[0] * 5] * 3
    await operator.close()
    assert (await look(backend, last.id)).status is JobStatus.QUEUED


async def test_what_was_claimed_before_goes_on(backend: Backend, clock: FrozenClock) -> None:
    """A running job ends as ever; one that is given back, or rescued, waits like the others."""
    await register(backend, OTHER, lease=30)
    done = await claimed_job(backend, new_job(clock, queue="mail"))
    back = await claimed_job(backend, new_job(clock, queue="mail"))
    lost = await claimed_job(backend, new_job(clock, queue="mail"), worker=OTHER)
    await pause(backend, "mail")
    assert await settle(backend, done, Complete("1"))
    assert await settle(backend, back, Release())
    clock.advance(seconds=31)
    assert [one.job_id for one in await backend.jobs.rescue(max_crashes=3)] == [lost.id]
    assert await claim(backend) == []
    assert await backend.jobs.due_in(None) is None
    await backend.queues.resume("mail")
    assert [job.id for job in await claim(backend)] == [back.id, lost.id]


# --- those who wait -------------------------------------------------------------------------------


@EACH_WAY
async def test_nobody_wakes_for_a_paused_queue(
    backend: Backend, clock: FrozenClock, queues: Queues
) -> None:
    """An idle worker sleeps until a job of another queue is due, and knows that moment exactly."""
    await insert(
        backend,
        new_job(clock, queue="mail"),
        new_job(clock, queue="mail", delay=5),
        new_job(clock, queue="pay", delay=20.5),
    )
    assert await backend.jobs.due_in(queues) == 0
    await pause(backend, "mail")
    assert await backend.jobs.due_in(queues) == (None if queues == ("mail",) else 20.5)
    await backend.queues.resume("mail")
    assert await backend.jobs.due_in(queues) == 0


async def test_a_paused_queue_is_not_unserved(backend: Backend, clock: FrozenClock) -> None:
    """Nobody is to be rung up for what somebody wanted; the queues beside it are told as ever."""
    await insert(backend, new_job(clock, queue="mail"), new_job(clock, queue="pay"))
    await pause(backend, "mail")
    clock.advance(seconds=60)
    assert await backend.stats.unserved(grace=10) == {"pay": 60.0}
    await backend.queues.resume("mail")
    assert await backend.stats.unserved(grace=10) == {"mail": 60.0, "pay": 60.0}


async def test_jobs_that_nobody_knows_are_not_buried_while_they_are_paused(
    backend: Backend, clock: FrozenClock
) -> None:
    """They have waited for an operator, and not in vain for a worker that knows them."""
    held, other = new_job(clock, "gone.x", queue="mail"), new_job(clock, "gone.x", queue="pay")
    await insert(backend, held, other)
    await pause(backend, "mail")
    clock.advance(minutes=11)
    assert await backend.jobs.bury_unknown(["gone.x"], grace=600) == 1
    assert (await look(backend, held.id)).status is JobStatus.QUEUED
    await backend.queues.resume("mail")
    assert await backend.jobs.bury_unknown(["gone.x"], grace=600) == 1


# --- workers --------------------------------------------------------------------------------------


async def test_run_once_leaves_a_paused_queue_alone_and_ends(app: Soniq) -> None:
    """All the others are run, also what they enqueue there is left for later."""

    @app.job(queue="mail")
    async def send() -> None: ...

    @app.job()
    async def work() -> None:
        await app.enqueue(send)

    await app.queues.pause("mail", by="ana")
    await app.enqueue(send)
    await app.enqueue(work)
    report = await run_all(app)
    assert (report.complete, report.reason) == (1, "dry")
    assert len(await app.list_jobs(queue="mail", status="queued")) == 2
    await app.queues.resume("mail")
    assert (await run_all(app)).complete == 2


async def test_resuming_rouses_an_idle_worker(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It starts at once what waits there, long before it would have looked by itself."""
    app, operator = make_app(poll_interval=60), make_app()

    @app.job(name="mail.send")
    async def send() -> None: ...

    await operator.queues.pause("mail", by="ana")
    job = new_job(SystemClock(), "mail.send", queue="mail")
    await insert(operator.backend, job)  # which wakes nobody
    asleep, stop, wait = asyncio.Event(), asyncio.Event(), app.backend.wakeups.wait
    await app.ensure_initialized()
    await wait(None, 0.01)  # so that it listens already

    async def fall_asleep(queues: Queues, timeout: float) -> None:
        asleep.set()
        await wait(queues, timeout)

    monkeypatch.setattr(app.backend.wakeups, "wait", fall_asleep)
    worker = asyncio.create_task(app.run_worker(stop=stop))
    await asleep.wait()
    assert (await job_of(app, job.id)).status is JobStatus.QUEUED
    async with asyncio.timeout(SOON):
        assert await operator.queues.resume("mail")
        await app.wait_for(job.id)
    stop.set()
    await worker
