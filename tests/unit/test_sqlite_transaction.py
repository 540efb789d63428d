"""``ctx.transaction()`` on SQLite: one writer at a time, and nobody waits for himself."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

from soniq import JobContext, JobStatus, Soniq
from soniq.errors import TransactionMisused, TransactionUnsupported
from tests.support.effects import EFFECT, Effects
from tests.support.jobs import dead_letter_of, job_of, run_all, until

Statement = Callable[[Any], Awaitable[Any]]


@pytest.fixture
async def app(sqlite_path: Path) -> AsyncIterator[Soniq]:
    """Open an app on a new file."""
    app = Soniq(database_url=f"sqlite:///{sqlite_path}", heartbeat_interval=0.1)
    await app.ensure_initialized()
    yield app
    await app.close()


@pytest.fixture
async def effects(app: Soniq, sqlite_path: Path) -> Effects:
    """The user's table in this test's file."""
    table = Effects(f"sqlite:///{sqlite_path}")
    await table.make()
    return table


async def commit(conn: Any) -> None:
    """Do what users of aiosqlite are used to."""
    await conn.commit()


async def script(conn: Any) -> None:
    """Run a script, before which Python commits by itself."""
    await conn.executescript(EFFECT)


async def sql_commit(conn: Any) -> None:
    """Commit by a statement."""
    await conn.execute("COMMIT")


async def rollback(conn: Any) -> None:
    """Undo everything by hand."""
    await conn.rollback()


async def swallowed_commit(conn: Any) -> None:
    """Commit, and take no for an answer."""
    with pytest.raises(sqlite3.DatabaseError):
        await conn.commit()


@pytest.mark.parametrize("statement", [commit, script, sql_commit, rollback])
async def test_transaction_ended_by_hand(
    app: Soniq, effects: Effects, statement: Statement
) -> None:
    """It is refused before anything is committed; all is rolled back, and the error says why."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            await statement(conn)

    job_id = await app.enqueue(pay)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.last_error or "").startswith("TransactionMisused")
    assert await effects.count() == 0


async def test_refused_commit_leaves_the_transaction_whole(app: Soniq, effects: Effects) -> None:
    """A handler that does not mind the refusal commits at the end of its block as any other."""

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            await swallowed_commit(conn)

    await app.enqueue(pay)
    assert (await run_all(app)).complete == 1
    assert await effects.count() == 1


async def test_transaction_that_a_conflict_has_ended(app: Soniq, effects: Effects) -> None:
    """``OR ROLLBACK`` ends the transaction without a word; the job is not done by what follows."""
    await effects.run("CREATE UNIQUE INDEX once ON effects (n)")

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            with pytest.raises(sqlite3.IntegrityError):
                await conn.execute("INSERT OR ROLLBACK INTO effects (n) VALUES (1)")

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert "ended within the block" in ((await dead_letter_of(app, job_id)).last_error or "")
    assert await effects.count() == 0


async def test_savepoints_and_rows(app: Soniq, effects: Effects) -> None:
    """Savepoints are the handler's own, and so is the form of its rows."""

    @app.job(queue="other", unique=True)
    async def follow(number: int) -> None: ...

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> list[str]:
        async with ctx.transaction() as conn:
            conn.row_factory = lambda _cursor, _row: "mine"
            await conn.execute(EFFECT)
            await conn.execute("SAVEPOINT part")
            await conn.execute(EFFECT)
            await conn.execute("ROLLBACK TO part")
            return [await app.enqueue(follow, connection=conn, number=n) for n in (1, 1)]

    job_id = await app.enqueue(pay)
    assert (await run_all(app, queues=["default"])).complete == 1
    assert await effects.count() == 1
    first, second = await app.get_result(job_id)
    assert first == second


async def test_calls_that_would_wait_for_themselves(app: Soniq, effects: Effects) -> None:
    """Within the block the app's other calls are refused at once; after it they go on."""

    @app.job(queue="other")
    async def follow() -> None: ...

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: app.enqueue(follow),
            lambda: app.enqueue_many(follow, [{}]),
            lambda: app.cancel_job(ctx.job_id),
            lambda: app.get_job(ctx.job_id),
            lambda: asyncio.create_task(app.get_queue_stats()),
        ]
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            for call in calls:
                with pytest.raises(TransactionMisused, match="connection=conn"):
                    await call()
        return await app.enqueue(follow)

    job_id = await app.enqueue(pay)
    started = time.monotonic()
    await run_all(app, queues=["default"])
    assert time.monotonic() - started < 5
    assert (await job_of(app, await app.get_result(job_id))).status is JobStatus.QUEUED
    assert await effects.count() == 1


async def test_another_file_is_not_locked(app: Soniq, effects: Effects, tmp_path: Path) -> None:
    """Within the block an app on another file is used as ever."""
    other = Soniq(database_url=str(tmp_path / "other.db"), enqueue_validation="none")
    await other.ensure_initialized()

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> str:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            return await other.enqueue("some.task")

    job_id = await app.enqueue(pay)
    await run_all(app)
    assert await other.get_job(await app.get_result(job_id)) is not None
    await other.close()


async def test_foreign_connections_are_refused(app: Soniq, sqlite_path: Path) -> None:
    """Jobs join the transaction of a handler, and no other one."""

    @app.job()
    async def follow() -> None: ...

    async with aiosqlite.connect(sqlite_path) as connection:
        with pytest.raises(TransactionUnsupported, match=r"other than that of ctx\.transaction"):
            await app.enqueue(follow, connection=connection)
    assert await app.list_jobs() == []


async def test_others_just_wait(app: Soniq, effects: Effects) -> None:
    """While a block is open, enqueues, heartbeats and settles wait; none of them fails."""
    inside, go, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @app.job(retries=0)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            inside.set()
            await go.wait()

    @app.job(retries=0)
    async def quick() -> str:
        await inside.wait()
        return "quick"

    ids = [await app.enqueue(pay), await app.enqueue(quick)]
    worker = asyncio.create_task(app.run_worker(stop=stop))
    await inside.wait()
    waiting = asyncio.create_task(app.enqueue(quick))
    before = (await effects.run("SELECT renewed_at FROM soniq_workers"))[0][0]
    done, _ = await asyncio.wait([waiting], timeout=1)
    assert not done
    go.set()
    ids.append(await waiting)

    async def all_done() -> bool:
        return all([(await job_of(app, job_id)).status is JobStatus.DONE for job_id in ids])

    await until(all_done)

    async def renewed() -> bool:
        return bool((await effects.run("SELECT renewed_at FROM soniq_workers"))[0][0] > before)

    await until(renewed)
    stop.set()
    report = await worker
    assert (report.complete, report.lost, report.retry) == (3, 0, 0)


async def test_cancelled_while_it_waits_for_the_lock(
    app: Soniq, effects: Effects, sqlite_path: Path
) -> None:
    """A handler whose time runs out before its block begins leaves neither lock nor thread."""

    @app.job(retries=0, timeout=0.3)
    async def pay(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)

    job_id = await app.enqueue(pay)
    blocker = sqlite3.connect(sqlite_path, isolation_level=None)

    @app.before_job
    def block(ctx: JobContext) -> None:
        blocker.execute("BEGIN IMMEDIATE")

    @app.on_error
    def unblock(ctx: JobContext, error: BaseException) -> None:
        blocker.execute("ROLLBACK")

    await run_all(app)
    blocker.close()
    assert (await dead_letter_of(app, job_id)).reason == "timeout"
    assert await effects.count() == 0


async def test_long_statement_is_interrupted(app: Soniq, effects: Effects) -> None:
    """A cancelled handler does not wait for a statement that would run for minutes."""
    endless = (
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) "
        "SELECT count(*) FROM number"
    )

    @app.job(retries=0, timeout=0.3)
    async def count(ctx: JobContext) -> None:
        async with ctx.transaction() as conn:
            await conn.execute(EFFECT)
            await conn.execute(endless)

    job_id = await app.enqueue(count)
    await run_all(app)
    assert (await dead_letter_of(app, job_id)).reason == "timeout"
    assert await effects.count() == 0


async def test_commit_is_durable_and_keys_are_checked(app: Soniq, effects: Effects) -> None:
    """The connection waits for the disk, and foreign keys that the user declares count."""

    @app.job(retries=0)
    async def look(ctx: JobContext) -> list[int]:
        found: list[int] = []
        async with ctx.transaction() as conn:
            for pragma in ("synchronous", "foreign_keys"):
                async with conn.execute(f"PRAGMA {pragma}") as cursor:
                    found.extend(await cursor.fetchone())
        return found

    job_id = await app.enqueue(look)
    await run_all(app)
    assert await app.get_result(job_id) == [2, 1]
