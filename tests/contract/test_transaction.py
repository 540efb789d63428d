"""``ctx.transaction()``: what a handler writes and the completion of its job, or neither."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asyncpg import InterfaceError

from soniq import JobContext, JobStatus, Snooze, Soniq
from soniq.backends.contract import Backend
from soniq.errors import (
    ClaimLost,
    TransactionMisused,
    TransactionUnsupported,
    UnsupportedByBackend,
)
from soniq.outcome import Cancel, Complete, Release
from tests.support.clock import FrozenClock
from tests.support.effects import EFFECT, Effects
from tests.support.jobs import dead_letter_of, job_of, run_all
from tests.support.store import (
    OTHER,
    WORKER,
    claim,
    claimed_job,
    look,
    new_job,
    register,
    settle,
)

MakeApp = Callable[..., Soniq]


@pytest.fixture(params=["sqlite", "postgres"])
def backend_kind(request: pytest.FixtureRequest) -> str:
    """The backends that have transactions."""
    kind: str = request.param
    return kind


@pytest.fixture
async def effects(database_url: str, make_app: MakeApp) -> Effects:
    """The user's table in this test's database."""
    await make_app().ensure_initialized()
    table = Effects(database_url)
    await table.make()
    return table


async def run_beside(app: Soniq, work: Callable[[], Awaitable[None]], **options: Any) -> None:
    """Do something while a worker runs; stop it then."""
    stop = asyncio.Event()
    worker = asyncio.create_task(app.run_worker(stop=stop, **options))
    try:
        await work()
    finally:
        stop.set()
        await worker


# --- together or not at all -----------------------------------------------------------------------


async def test_effect_and_completion_appear_together(app: Soniq, effects: Effects) -> None:
    """Before the end of the block others see neither, after it both; the result comes later."""
    seen: list[tuple[int, str]] = []

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            seen.append(await effects.seen(ctx.job_id))
        seen.append(await effects.seen(ctx.job_id))
        return "paid"

    job_id = await app.enqueue(pay)
    report = await run_all(app)
    assert seen == [(0, "processing"), (1, "done")]
    assert (report.complete, report.lost) == (1, 0)
    job = await job_of(app, job_id)
    assert (job.status, job.result, job.attempts) == (JobStatus.DONE, "paid", 1)


async def test_exception_in_the_block_undoes_both(app: Soniq, effects: Effects) -> None:
    """The job fails and is retried as usual; the effect of the failed attempt is gone."""

    @app.job(retries=1)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            if ctx.attempt == 1:
                raise ValueError("no")

    job_id = await app.enqueue(pay)
    report = await run_all(app)
    assert (report.retry, report.complete, await effects.count()) == (1, 1, 1)
    assert (await job_of(app, job_id)).last_error == "ValueError: no"


async def test_exception_that_the_handler_catches(app: Soniq, effects: Effects) -> None:
    """After a block that was rolled back there may be another one."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        with pytest.raises(ZeroDivisionError):
            async with ctx.transaction() as conn:
                await conn.execute(EFFECT)
                raise ZeroDivisionError
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)

    await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert await effects.count() == 1


async def test_lost_connection_undoes_both(app: Soniq, effects: Effects) -> None:
    """A connection that goes between the effect and the commit leaves nothing, and a retry."""

    @app.job(retries=1)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            if ctx.attempt == 1:
                await conn.close()

    await app.enqueue(pay)
    report = await run_all(app)
    assert (report.retry, report.complete, await effects.count()) == (1, 1, 1)


async def test_timeout_in_the_block(app: Soniq, effects: Effects) -> None:
    """A handler that is stopped at its deadline leaves no effect."""

    @app.job(retries=0, timeout=0.2)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            await asyncio.Event().wait()

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert (await dead_letter_of(app, job_id)).reason == "timeout"
    assert await effects.count() == 0


async def test_shutdown_in_the_block(make_app: MakeApp, effects: Effects) -> None:
    """A worker that stops rolls back and hands the job back, unspent."""
    app = make_app(shutdown_timeout=0.05)
    inside, stop = asyncio.Event(), asyncio.Event()

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            inside.set()
            await asyncio.Event().wait()

    job_id = await app.enqueue(pay)
    worker = asyncio.create_task(app.run_worker(stop=stop))
    await inside.wait()
    stop.set()
    report = await worker
    assert (report.release, report.abandoned, await effects.count()) == (1, 0, 0)
    job = await job_of(app, job_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


async def test_block_that_is_never_left(app: Soniq, effects: Effects) -> None:
    """A handler that enters by hand and forgets it keeps no lock, and commits nothing."""

    @app.job(retries=0)
    async def forget(ctx: JobContext) -> str:
        block = ctx.transaction()
        conn = await block.__aenter__()
        await conn.execute(EFFECT)
        return "returned"

    first = await app.enqueue(forget)
    await run_all(app)
    assert (await job_of(app, first)).result == "returned"
    assert await effects.count() == 0


async def test_jobs_at_once(app: Soniq, effects: Effects) -> None:
    """Transactions of many jobs of one worker go on at once, or wait for each other."""

    @app.job(retries=0)
    async def pay(ctx: JobContext, number: int) -> int:
        async with ctx.transaction() as conn:
            await asyncio.sleep(0)
            await conn.execute(EFFECT)
        return number

    ids = await app.enqueue_many(pay, [{"number": n} for n in range(30)])
    report = await run_all(app, concurrency=10)
    assert (report.complete, await effects.count()) == (30, 30)
    assert [await app.get_result(job_id) for job_id in ids] == list(range(30))


# --- after the commit -----------------------------------------------------------------------------


async def test_exception_after_the_block(
    app: Soniq, effects: Effects, caplog: pytest.LogCaptureFixture
) -> None:
    """The job stays done and does not run again; the log and the hooks tell."""
    told: list[BaseException] = []

    @app.on_error
    def tell(ctx: JobContext, error: BaseException) -> None:
        told.append(error)

    @app.job(retries=5)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
        raise ValueError("too late")

    job_id = await app.enqueue(pay)
    report = await run_all(app)
    job = await job_of(app, job_id)
    assert (job.status, job.result, job.attempts) == (JobStatus.DONE, None, 1)
    assert (report.complete, await effects.count()) == (1, 1)
    assert [str(error) for error in told] == ["too late"]
    [record] = [r for r in caplog.records if "after its commit" in r.message]
    assert (record.levelno, "too late" in record.message) == (logging.WARNING, True)


async def test_timeout_after_the_block(app: Soniq, effects: Effects) -> None:
    """A handler that runs out of time with its job done has done its job."""

    @app.job(retries=0, timeout=0.2)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
        await asyncio.Event().wait()

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert (await job_of(app, job_id)).status is JobStatus.DONE
    assert await effects.count() == 1


async def test_snooze_after_the_block(app: Soniq, effects: Effects) -> None:
    """What is done is not snoozed."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> Snooze:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
        return Snooze(0)

    job_id = await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert (await job_of(app, job_id)).status is JobStatus.DONE


async def test_shutdown_after_the_block(make_app: MakeApp, effects: Effects) -> None:
    """The handler is stopped, its job is not handed back, and the hooks are told."""
    app = make_app(shutdown_timeout=0.05)
    committed, stop = asyncio.Event(), asyncio.Event()
    told: list[BaseException] = []

    @app.on_error
    def tell(ctx: JobContext, error: BaseException) -> None:
        told.append(error)

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
        committed.set()
        await asyncio.Event().wait()

    job_id = await app.enqueue(pay)
    worker = asyncio.create_task(app.run_worker(stop=stop))
    await committed.wait()
    stop.set()
    report = await worker
    assert (report.complete, report.release, report.lost) == (1, 0, 0)
    assert (await job_of(app, job_id)).status is JobStatus.DONE
    assert [type(error) for error in told] == [asyncio.CancelledError]


async def test_operator_after_the_block(make_app: MakeApp, effects: Effects) -> None:
    """Nothing is left to cancel: the handler goes on and its result is kept."""
    app = make_app()
    committed, go = asyncio.Event(), asyncio.Event()

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
        committed.set()
        await go.wait()
        return "paid"

    job_id = await app.enqueue(pay)

    async def work() -> None:
        await committed.wait()
        assert not await app.cancel_job(job_id)
        assert (await job_of(app, job_id)).status is JobStatus.DONE
        go.set()

    await run_beside(app, work)
    assert await app.get_result(job_id) == "paid"


async def test_cancellation_that_meets_the_commit(app: Soniq, effects: Effects) -> None:
    """A handler that is cancelled while it commits has committed: the job is done."""

    @app.job(retries=3)
    async def pay(ctx: JobContext) -> None:
        task = asyncio.current_task()
        assert task is not None
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.Event().wait()

    job_id = await app.enqueue(pay)
    report = await run_all(app)
    assert (report.complete, await effects.count()) == (1, 1)
    assert (await job_of(app, job_id)).status is JobStatus.DONE


# --- the claim ------------------------------------------------------------------------------------


async def test_stale_attempt_is_refused(make_app: MakeApp, effects: Effects) -> None:
    """Another worker has the job: the effect is rolled back, and the attempt dropped quietly."""
    app = make_app(heartbeat_interval=60.0, heartbeat_timeout=120.0)
    errors: list[BaseException] = []
    told: list[BaseException] = []

    @app.on_error
    def tell(ctx: JobContext, error: BaseException) -> None:
        told.append(error)

    @app.job(retries=3)
    async def pay(ctx: JobContext) -> None:
        assert ctx.worker_id is not None
        await app.backend.workers.leave(ctx.worker_id)
        await register(app.backend, OTHER)
        await app.backend.jobs.rescue(max_crashes=3)
        assert len(await claim(app.backend, worker=OTHER)) == 1
        try:
            async with ctx.transaction() as conn:
                await conn.execute(EFFECT)
        except ClaimLost as error:
            errors.append(error)
            raise

    job_id = await app.enqueue(pay)
    # With its one slot taken, the worker can't claim the job again before the other one does.
    report = await run_all(app, concurrency=1)
    assert (report.lost, report.complete, report.retry) == (1, 0, 0)
    assert (len(errors), told, await effects.count()) == (1, [], 0)
    job = await job_of(app, job_id)
    assert (job.status, job.worker_id) == (JobStatus.PROCESSING, OTHER)


async def test_store_refuses_what_is_not_in_force(
    backend: Backend, clock: FrozenClock, effects: Effects
) -> None:
    """A wrong worker, a wrong fence, a job that is cancelled or done: all are rolled back."""
    job = await claimed_job(backend, new_job(clock))
    forged = [
        (job, OTHER),
        (job._replace(fence=job.fence - 1), WORKER),
        (job._replace(fence=job.fence + 1), WORKER),
    ]
    for stale, worker in forged:
        await refused(backend, stale, worker)
    for ended in (Complete('"result"'), Cancel(), Release()):
        job = await claimed_job(backend, new_job(clock))
        assert await settle(backend, job, ended)
        before = await look(backend, job.id)
        await refused(backend, job, WORKER)
        assert await look(backend, job.id) == before
    assert await effects.count() == 0


async def refused(backend: Backend, job: Any, worker: str) -> None:
    """Check that a transaction of this claim can't be committed."""
    with pytest.raises(ClaimLost, match=job.id):
        async with backend.jobs.transaction(job, worker=worker) as conn:
            await conn.execute(EFFECT)


async def test_store_completes_and_takes_the_result_later(
    backend: Backend, clock: FrozenClock, effects: Effects
) -> None:
    """The job is done at the commit; a result that comes a minute later changes nothing else."""
    job = await claimed_job(backend, new_job(clock))
    async with backend.jobs.transaction(job, worker=WORKER) as conn:
        await conn.execute(EFFECT)
    done = await look(backend, job.id)
    assert (done.status, done.finished_at, done.result) == (JobStatus.DONE, clock.now(), None)
    clock.advance(minutes=1)
    assert await settle(backend, job, Complete('"late"'))
    assert dict(await look(backend, job.id)) == {**done, "result": "late"}


async def test_completed_claim_is_not_revoked(
    backend: Backend, clock: FrozenClock, effects: Effects
) -> None:
    """Neither as lost nor as cancelled, though an operator had asked for that before the commit."""
    job = await claimed_job(backend, new_job(clock))
    assert await backend.jobs.cancel(job.id)
    async with backend.jobs.transaction(job, worker=WORKER) as conn:
        await conn.execute(EFFECT)
    assert await backend.jobs.revoked([job], worker=WORKER) == []
    assert (await look(backend, job.id)).status is JobStatus.DONE
    [lost] = await backend.jobs.revoked([job], worker=OTHER)
    assert not lost.cancelled


# --- jobs within the transaction ------------------------------------------------------------------


async def test_enqueue_inside(make_app: MakeApp, effects: Effects) -> None:
    """A follow-up job appears with the commit, and a worker that would not poll is woken."""
    app = make_app(poll_interval=3600)
    seen: list[bool] = []

    @app.job(name="receipt.send")
    async def send_receipt(number: int) -> int:
        return number

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            follow_up = await app.enqueue(send_receipt, connection=conn, number=7)
            rows = await effects.run("SELECT id FROM soniq_jobs")
            seen.append(len(rows) == 1)
        return follow_up

    async def work() -> None:
        job = await app.wait_for(await app.enqueue(pay), timeout=20)

        async with asyncio.timeout(20):
            while (follow_up := await app.get_result(job.id)) is None:  # noqa: ASYNC110 - a fact
                await asyncio.sleep(0.01)
        assert (await app.wait_for(follow_up, timeout=20)).result == 7

    await run_beside(app, work)
    assert seen == [True]


async def test_enqueue_inside_is_rolled_back(app: Soniq, effects: Effects) -> None:
    """Follow-up jobs of a block that fails never were."""

    @app.job()
    async def follow(number: int) -> None: ...

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await app.enqueue(follow, connection=conn, number=7)
            raise ValueError

    await app.enqueue(pay)
    await run_all(app)
    assert await app.list_jobs() == []


async def test_unique_jobs_inside(app: Soniq, effects: Effects) -> None:
    """A duplicate answers with the id of the job that waits, also one of the same block."""
    answers: list[str] = []

    @app.job(queue="other", unique=True)
    async def follow(number: int) -> None: ...

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            answers.extend(
                [await app.enqueue(follow, connection=conn, number=n) for n in (1, 1, 2)]
            )

    await app.enqueue(pay)
    waiting = await app.enqueue(follow, number=2)
    await run_all(app, queues=["default"])
    assert answers[0] == answers[1] != waiting
    assert answers[2] == waiting


async def test_connection_of_an_ended_block(
    backend: Backend, clock: FrozenClock, effects: Effects
) -> None:
    """After its block the connection takes no more jobs."""
    job = await claimed_job(backend, new_job(clock))
    async with backend.jobs.transaction(job, worker=WORKER) as conn:
        pass
    with pytest.raises((TransactionUnsupported, InterfaceError)):
        await backend.jobs.insert([new_job(clock)], connection=conn)
    assert len(await backend.jobs.find()) == 1


# --- wrong places ---------------------------------------------------------------------------------


async def test_second_transaction(app: Soniq, effects: Effects) -> None:
    """The job is done by the first one; the second is refused before anything is written."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        spare = ctx.transaction()
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            with pytest.raises(TransactionMisused, match="open already"):
                ctx.transaction()
            with pytest.raises(TransactionMisused, match="open already"):
                await spare.__aenter__()
        with pytest.raises(TransactionMisused, match="done by an earlier one"):
            ctx.transaction()
        return "refused"

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert await app.get_result(job_id) == "refused"
    assert await effects.count() == 1


async def test_threads(app: Soniq, effects: Effects) -> None:
    """A plain function is told at once, and so is a thread of a coroutine function."""

    @app.job(retries=0)
    def plain(ctx: JobContext) -> None:
        ctx.transaction()

    @app.job(retries=0)
    async def in_a_thread(ctx: JobContext) -> None:
        await asyncio.to_thread(ctx.transaction)

    ids = [await app.enqueue(plain), await app.enqueue(in_a_thread)]
    await run_all(app)
    for job_id in ids:
        letter = await dead_letter_of(app, job_id)
        assert "TransactionMisused" in (letter.last_error or "")
        assert "async def" in (letter.last_error or "")


async def test_context_of_another_job(app: Soniq, effects: Effects) -> None:
    """A context that was kept from an earlier job can't complete this one, nor that one."""
    kept: list[JobContext] = []

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        kept.append(ctx)
        if len(kept) == 1:
            return "kept"
        with pytest.raises(TransactionMisused, match="another job"):
            kept[0].transaction()
        return "refused"

    await app.enqueue(pay)
    job_id = await app.enqueue(pay)
    await run_all(app, concurrency=1)
    assert await app.get_result(job_id) == "refused"
    with pytest.raises(TransactionMisused, match="no worker runs its handler"):
        kept[0].transaction()


async def test_task_that_outlives_its_handler(app: Soniq, effects: Effects) -> None:
    """What a handler has started and not awaited can't complete the job any more."""
    go = asyncio.Event()
    left: list[asyncio.Task[None]] = []

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async def later() -> None:
            await go.wait()
            ctx.transaction()

        left.append(asyncio.create_task(later()))

    await app.enqueue(pay)
    await run_all(app)
    go.set()
    with pytest.raises(TransactionMisused, match="the handler has ended"):
        await left[0]


async def test_task_of_a_handler(app: Soniq, effects: Effects) -> None:
    """A task that the handler awaits may use the transaction, or open it."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async def work() -> None:
            async with ctx.transaction() as conn:
                await conn.execute(EFFECT)

        await asyncio.create_task(work())

    await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert await effects.count() == 1


async def test_memory_has_none() -> None:
    """The memory backend says so, and the job fails as it would by any error."""
    app = Soniq(backend="memory")

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        with pytest.raises(UnsupportedByBackend, match="SQLite"):
            async with ctx.transaction():
                pass

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert (await job_of(app, job_id)).status is JobStatus.DONE
    await app.close()


# --- the key for effects elsewhere ----------------------------------------------------------------


async def test_idempotency_key(app: Soniq) -> None:
    """It is the same in all attempts of a job, and differs between jobs."""
    keys: dict[str, set[str]] = {}

    @app.job(retries=2)
    async def charge(ctx: JobContext, name: str) -> None:
        keys.setdefault(name, set()).add(ctx.idempotency_key)
        if ctx.attempt < 3:
            raise ValueError

    await app.enqueue(charge, name="a")
    await app.enqueue(charge, name="b")
    report = await run_all(app)
    assert report.retry == 4
    assert [len(found) for found in keys.values()] == [1, 1]
    assert keys["a"].isdisjoint(keys["b"])
