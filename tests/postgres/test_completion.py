"""``ctx.transaction()`` on PostgreSQL: what only a server with many connections has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import pytest
from asyncpg.transaction import Transaction

from soniq import JobContext, JobStatus, Soniq
from soniq.errors import ClaimLost
from soniq.job import ClaimedJob
from soniq.outcome import Complete
from tests.support.effects import EFFECT, Effects
from tests.support.jobs import dead_letter_of, job_of, run_all, until
from tests.support.store import OTHER, claim, register, settle


@pytest.fixture
async def effects(postgres_url: str) -> Effects:
    """The user's table in this test's database."""
    table = Effects(postgres_url)
    await table.make()
    return table


@pytest.fixture
async def app(postgres_url: str) -> AsyncIterator[Soniq]:
    """Open an app that nobody but the test takes for dead."""
    app = Soniq(database_url=postgres_url, heartbeat_interval=60.0, heartbeat_timeout=120.0)
    yield app
    await app.close()


async def take_away(app: Soniq, ctx: JobContext) -> ClaimedJob:
    """Rescue the job from its worker and claim it for another one."""
    assert ctx.worker_id is not None
    await app.backend.workers.leave(ctx.worker_id)
    await register(app.backend, OTHER)
    await app.backend.jobs.rescue(max_crashes=3)
    [job] = await claim(app.backend, worker=OTHER)
    return job


# --- the claim ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["stale", "new"])
async def test_job_is_taken_away_while_the_block_is_open(
    app: Soniq, effects: Effects, first: str
) -> None:
    """Whichever of the two commits first, only the attempt that owns the job leaves an effect."""
    taken: list[ClaimedJob] = []

    async def commit_as_other() -> None:
        async with app.backend.jobs.transaction(taken[0], worker=OTHER) as conn:
            await conn.execute(EFFECT)

    @app.job(retries=3)
    async def pay(ctx: JobContext) -> None:
        with pytest.raises(ClaimLost):
            async with ctx.transaction() as conn:
                await conn.execute(EFFECT)
                taken.append(await take_away(app, ctx))
                if first == "new":
                    await commit_as_other()

    job_id = await app.enqueue(pay)
    # With its one slot taken, the worker can't claim the job again before the other one does.
    report = await run_all(app, concurrency=1)
    if first == "stale":
        assert await effects.count() == 0
        await commit_as_other()
    assert (report.lost, report.complete, await effects.count()) == (1, 0, 1)
    assert await settle(app.backend, taken[0], Complete('"other"'), worker=OTHER)
    assert (await job_of(app, job_id)).result == "other"


async def test_rescue_waits_for_a_commit_that_is_under_way(app: Soniq, effects: Effects) -> None:
    """Once the completion is written, the job can't be rescued: it is done."""
    rescued: list[object] = []

    @app.job(retries=3)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            await app.backend.workers.leave(ctx.worker_id or "")
        rescued.extend(await app.backend.jobs.rescue(max_crashes=3))

    job_id = await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert rescued == []
    assert (await job_of(app, job_id)).status is JobStatus.DONE


async def test_operator_cancels_within_the_block(app: Soniq, effects: Effects) -> None:
    """The handler is stopped, its effect is rolled back, and the job is cancelled."""
    inside, stop = asyncio.Event(), asyncio.Event()

    @app.job(retries=3)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            inside.set()
            await asyncio.Event().wait()

    job_id = await app.enqueue(pay)
    worker = asyncio.create_task(app.run_worker(stop=stop))
    await inside.wait()
    assert await app.cancel_job(job_id)
    assert (await app.wait_for(job_id, timeout=20)).status is JobStatus.CANCELLED
    stop.set()
    assert (await worker).cancel == 1
    assert await effects.count() == 0


# --- connections that break -----------------------------------------------------------------------


async def test_server_ends_the_connection(app: Soniq, effects: Effects, postgres_url: str) -> None:
    """``pg_terminate_backend`` within the block: no effect, and the job is tried again."""
    admin = await asyncpg.connect(postgres_url)

    @app.job(retries=1)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            if ctx.attempt == 1:
                await admin.execute("SELECT pg_terminate_backend($1)", conn.get_server_pid())

    await app.enqueue(pay)
    report = await run_all(app)
    await admin.close()
    assert (report.retry, report.complete, await effects.count()) == (1, 1, 1)


async def test_answer_to_the_commit_is_lost(
    app: Soniq, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handler gets an error and would be retried, but the job is done: one effect, one run."""
    commit = Transaction.commit
    runs: list[int] = []

    async def commit_and_lose_the_answer(self: Transaction) -> None:
        await commit(self)
        raise ConnectionResetError

    @app.job(retries=3)
    async def pay(ctx: JobContext) -> None:
        runs.append(ctx.attempt)
        monkeypatch.setattr(Transaction, "commit", commit_and_lose_the_answer)
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)

    job_id = await app.enqueue(pay)
    report = await run_all(app)
    assert (report.retry, runs, await effects.count()) == (0, [1], 1)
    assert (await job_of(app, job_id)).status is JobStatus.DONE


async def test_outcome_waits_for_a_commit_in_doubt(app: Soniq, effects: Effects) -> None:
    """While the server has not decided on the commit, a retry is not written beside it."""
    await app.ensure_initialized()
    job_id = await app.enqueue(app.job(name="shop.pay")(nothing))
    await register(app.backend, OTHER)
    [job] = await claim(app.backend, worker=OTHER)
    doubtful = await asyncpg.connect(effects.url)
    block = doubtful.transaction()
    await block.start()
    await doubtful.execute(EFFECT)
    await doubtful.execute("UPDATE soniq_jobs SET status = 'done' WHERE id = $1", job_id)
    settling = asyncio.create_task(settle(app.backend, job, Complete(), worker=OTHER))

    async def waits() -> bool:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(await doubtful.fetchval(waiting))

    await until(waits)
    assert not settling.done()
    await block.commit()
    await doubtful.close()
    assert await settling
    assert (await job_of(app, job_id)).status is JobStatus.DONE


async def nothing() -> None:
    """Do nothing."""


# --- what the handler does on the connection ------------------------------------------------------


@pytest.mark.parametrize(
    "statements", [["COMMIT"], ["ROLLBACK"], ["COMMIT", "BEGIN"], ["COMMIT", "BEGIN", EFFECT]]
)
async def test_transaction_ended_by_hand(
    app: Soniq, effects: Effects, statements: list[str]
) -> None:
    """It is found at the end of the block; the job is not done, and the error says why."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            for statement in statements:
                await conn.execute(statement)

    job_id = await app.enqueue(pay)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.last_error or "").startswith("TransactionMisused")
    assert "ended within the block" in (letter.last_error or "")
    assert await effects.count() == ("ROLLBACK" not in statements)


async def test_savepoints(app: Soniq, effects: Effects) -> None:
    """A part of the block may fail by itself."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            with pytest.raises(asyncpg.UniqueViolationError):
                async with conn.transaction():
                    await conn.execute(EFFECT)
                    await conn.execute("CREATE TABLE once (n int PRIMARY KEY)")
                    await conn.execute("INSERT INTO once VALUES (1), (1)")

    await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert await effects.count() == 1


async def test_error_that_the_handler_swallows(app: Soniq, effects: Effects) -> None:
    """A transaction that PostgreSQL has given up is not committed as if nothing were."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            with pytest.raises(asyncpg.UndefinedTableError):
                await conn.execute("SELECT * FROM nowhere")

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert "aborted" in ((await dead_letter_of(app, job_id)).last_error or "")
    assert await effects.count() == 0


async def test_refusal_at_the_commit(app: Soniq, effects: Effects) -> None:
    """A deferred constraint that fails at the very end undoes the completion, too."""
    await effects.run(
        "CREATE TABLE twice (n int, CONSTRAINT once UNIQUE (n) DEFERRABLE INITIALLY DEFERRED)"
    )

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            await conn.execute("INSERT INTO twice VALUES (1), (1)")

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert "UniqueViolationError" in ((await dead_letter_of(app, job_id)).last_error or "")
    assert await effects.count() == 0


async def test_the_users_errors_are_left_alone(app: Soniq, effects: Effects) -> None:
    """A mistake in the handler's own statement comes out as the driver's error."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute("SELECT * FROM nowhere")

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert ((await dead_letter_of(app, job_id)).last_error or "").startswith("UndefinedTableError")


async def test_commit_is_durable(app: Soniq, effects: Effects) -> None:
    """Whatever the server's default is: the test server has ``synchronous_commit = off``."""
    name = (await effects.run("SELECT current_database()"))[0][0]
    await effects.run(f"ALTER DATABASE {name} SET synchronous_commit = off")
    shown: list[str] = []

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            shown.append(await conn.fetchval("SHOW synchronous_commit"))
        async with app.backend.acquire() as conn:
            shown.append(await conn.fetchval("SHOW synchronous_commit"))

    await app.enqueue(pay)
    await run_all(app)
    await effects.run(f"ALTER DATABASE {name} RESET synchronous_commit")
    assert shown == ["on", "off"]


async def test_own_codecs_do_no_harm(app: Soniq, effects: Effects) -> None:
    """Codecs for json and uuid that a handler has set stay on its connection, and disturb none."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            for name in ("json", "uuid"):
                await conn.set_type_codec(
                    name, schema="pg_catalog", encoder=json.dumps, decoder=json.loads
                )
            await conn.execute(EFFECT)

    await app.enqueue_many(pay, [{}, {}])
    assert (await run_all(app, concurrency=1)).complete == 2
    assert await effects.count() == 2


async def test_blocks_take_no_lock_before_their_end(app: Soniq, effects: Effects) -> None:
    """An operator who cancels a job does not wait for its block."""
    answers: list[bool] = []

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            answers.append(await app.cancel_job(ctx.job_id))

    job_id = await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert answers == [True]
    assert (await job_of(app, job_id)).status is JobStatus.DONE
