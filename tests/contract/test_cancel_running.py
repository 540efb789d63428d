"""Cancelling what runs: its worker stops the handler, and nothing queues the job again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from soniq import JobContext, JobStatus, Snooze, Soniq
from soniq.backends.contract import Backend
from soniq.job import ClaimedJob
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
    Outcome,
    Reason,
    Release,
    Retry,
    Settlement,
)
from soniq.outcome import Snooze as Snoozed
from soniq.worker import worker as crew
from tests.support.clock import FrozenClock
from tests.support.jobs import job_of, until
from tests.support.store import OOPS, WORKER, claimed_job, insert, look, new_job


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask more often who was cancelled than in earnest, as test_processes.py does."""
    monkeypatch.setattr(crew, "REVOKE_SECONDS", 0.05)


async def claim_one(backend: Backend, clock: FrozenClock, key: str | None = None) -> ClaimedJob:
    """Return a job that the worker runs, whose cancellation an operator has asked for."""
    job = await claimed_job(backend, new_job(clock, key=key))
    assert await backend.jobs.cancel(job.id)
    return job


async def run_beside(app: Soniq, work: Callable[[], Awaitable[None]]) -> None:
    """Do something while a worker runs; stop it then."""
    stop = asyncio.Event()
    worker = asyncio.create_task(app.run_worker(stop=stop))
    try:
        await work()
    finally:
        stop.set()
        await worker


async def status_of(app: Soniq, job_id: str) -> JobStatus:
    """Return the job's status."""
    return (await job_of(app, job_id)).status


async def test_async_handler_is_cancelled(make_app: Callable[..., Soniq]) -> None:
    """The handler gets a CancelledError, the job becomes CANCELLED, and is not retried."""
    app = make_app()
    started, seen = asyncio.Event(), asyncio.Event()

    @app.job(retries=5)
    async def hang() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.set()
            raise

    async def work() -> None:
        job_id = await app.enqueue(hang)
        await started.wait()
        assert await app.cancel_job(job_id)
        assert (await app.wait_for(job_id, timeout=20)).status is JobStatus.CANCELLED
        assert seen.is_set()
        assert not await app.cancel_job(job_id)

    await run_beside(app, work)


async def test_handler_that_swallows_its_cancellation(make_app: Callable[..., Soniq]) -> None:
    """Nobody knows how far it has come: the job is CANCELLED without a result."""
    app = make_app()
    started = asyncio.Event()

    @app.job()
    async def stubborn() -> str:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "never mind"
        return "never"

    async def work() -> None:
        job_id = await app.enqueue(stubborn)
        await started.wait()
        await app.cancel_job(job_id)
        job = await app.wait_for(job_id, timeout=20)
        assert (job.status, job.result) == (JobStatus.CANCELLED, None)

    await run_beside(app, work)


async def test_thread_is_told_through_its_context(make_app: Callable[..., Soniq]) -> None:
    """``ctx.should_stop`` turns True; the job is CANCELLED once the function has ended."""
    app = make_app()
    started, leave = threading.Event(), threading.Event()

    @app.job()
    def poll(ctx: JobContext) -> str:
        assert not ctx.should_stop
        started.set()
        while not ctx.should_stop:
            leave.wait(0.01)
        leave.wait(20)
        return "left early"

    async def work() -> None:
        job_id = await app.enqueue(poll)
        await asyncio.to_thread(started.wait, 20)
        await app.cancel_job(job_id)
        assert await status_of(app, job_id) is JobStatus.PROCESSING
        leave.set()
        assert (await app.wait_for(job_id, timeout=20)).status is JobStatus.CANCELLED

    await run_beside(app, work)


async def test_thread_past_its_timeout_is_told_as_well(app: Soniq) -> None:
    """A plain function that looks at ``ctx.should_stop`` ends soon after its timeout."""

    @app.job(retries=0, timeout=0.05)
    def poll(ctx: JobContext) -> None:
        pause = threading.Event()
        while not ctx.should_stop:
            pause.wait(0.005)

    job_id = await app.enqueue(poll)
    await app.run_worker(run_once=True)
    letter = await app.dead_letter.get(job_id)
    assert letter is not None
    assert letter.reason == Reason.TIMEOUT


async def test_cancellation_reaches_a_worker_that_drains(make_app: Callable[..., Soniq]) -> None:
    """Also after the stop was asked for, as long as the handler runs."""
    app = make_app()
    started, stop = asyncio.Event(), asyncio.Event()

    @app.job()
    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    job_id = await app.enqueue(hang)
    worker = asyncio.create_task(app.run_worker(stop=stop))
    await started.wait()
    stop.set()
    await app.cancel_job(job_id)
    report = await worker
    assert report.cancel == 1
    assert await status_of(app, job_id) is JobStatus.CANCELLED


async def test_handler_stops_when_its_claim_is_lost(make_app: Callable[..., Soniq]) -> None:
    """A worker that was given up finds out and stops; nothing that it says counts."""
    app = make_app(heartbeat_interval=60.0, heartbeat_timeout=120.0)
    started, stopped = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    @app.job()
    async def hang(ctx: JobContext) -> None:
        runs.append(ctx.attempt)
        if ctx.attempt > 1:
            return
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def work() -> None:
        job_id = await app.enqueue(hang)
        await started.wait()
        (worker,) = await app.list_workers()
        await app.backend.workers.leave(worker.id)

        async def queued_again() -> bool:
            for job in await app.backend.jobs.rescue(max_crashes=3):
                await app.backend.wakeups.wake([job.queue])
            return await status_of(app, job_id) is not JobStatus.PROCESSING or len(runs) > 1

        await until(queued_again)
        await stopped.wait()
        assert (await app.wait_for(job_id, timeout=20)).status is JobStatus.DONE

    await run_beside(app, work)


@pytest.mark.parametrize(
    "outcome",
    [Cancel(), Retry(60, OOPS), Snoozed(60), Release(), Crash(OOPS)],
    ids=lambda outcome: type(outcome).__name__,
)
async def test_nothing_queues_a_cancelled_job_again(
    backend: Backend, clock: FrozenClock, outcome: Outcome
) -> None:
    """Where the handler ends by itself before it is told, the cancellation still counts."""
    job = await claim_one(backend, clock, key="key")
    assert await backend.jobs.settle([Settlement(job, outcome)], worker=WORKER) == {job.id}
    row = await look(backend, job.id)
    assert (row.status, row.finished_at) == (JobStatus.CANCELLED, clock.now())
    assert await backend.jobs.claim(None, limit=1, worker=WORKER) == []
    assert not await backend.jobs.cancel(job.id)


async def test_what_has_ended_before_stays_ended(backend: Backend, clock: FrozenClock) -> None:
    """A result or a dead letter that comes before the worker is told stands."""
    done = await claim_one(backend, clock)
    await backend.jobs.settle([Settlement(done, Complete("1"))], worker=WORKER)
    assert (await look(backend, done.id)).status is JobStatus.DONE
    buried = await claim_one(backend, clock)
    bury = Settlement(buried, Bury(Reason.PERMANENT_FAILURE, OOPS))
    await backend.jobs.settle([bury], worker=WORKER)
    assert await backend.jobs.get(buried.id) is None
    assert await backend.dead_letters.get(buried.id) is not None


@pytest.mark.parametrize("max_crashes", [1, 3])
async def test_rescue_finishes_the_cancellation(
    backend: Backend, clock: FrozenClock, max_crashes: int
) -> None:
    """The worker died before it was told: the job neither runs again nor is buried."""
    job = await claim_one(backend, clock)
    await backend.workers.leave(WORKER)
    (rescued,) = await backend.jobs.rescue(max_crashes=max_crashes)
    assert (rescued.job_id, rescued.buried, rescued.cancelled) == (job.id, False, True)
    assert (await look(backend, job.id)).status is JobStatus.CANCELLED


async def test_revoked_tells_cancelled_from_lost(backend: Backend, clock: FrozenClock) -> None:
    """What is neither is not named."""
    cancelled = await claim_one(backend, clock)
    await insert(backend, new_job(clock, "a.task"), new_job(clock, "b.task"))
    kept, lost = await backend.jobs.claim(None, limit=2, worker=WORKER)
    await backend.jobs.settle([Settlement(lost, Release())], worker=WORKER)
    revoked = await backend.jobs.revoked([cancelled, kept, lost], worker=WORKER)
    assert {(r.job_id, r.fence, r.cancelled) for r in revoked} == {
        (cancelled.id, cancelled.fence, True),
        (lost.id, lost.fence, False),
    }


async def test_snooze_of_a_cancelled_job(make_app: Callable[..., Soniq]) -> None:
    """A handler that returns a Snooze while its cancellation is on the way runs no more."""
    app = make_app()
    started, go = asyncio.Event(), asyncio.Event()
    runs: list[int] = []

    @app.job()
    async def again(ctx: JobContext) -> Snooze:
        runs.append(ctx.attempt)
        started.set()
        await go.wait()
        return Snooze(0)

    async def work() -> None:
        job_id = await app.enqueue(again)
        await started.wait()
        await app.cancel_job(job_id)
        go.set()
        assert (await app.wait_for(job_id, timeout=20)).status is JobStatus.CANCELLED
        assert runs == [1]

    await run_beside(app, work)
