"""A job that belongs to the caller's transaction, as an application writes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from soniq import JobStatus, Soniq
from tests.support.jobs import run_all, until


@pytest.fixture
async def shop(postgres_url: str) -> AsyncIterator[Soniq]:
    """Open an app with a table of its own beside the jobs."""
    app = Soniq(database_url=postgres_url)

    @app.job(name="shop.fulfill", unique=True)
    async def fulfill_order(order_id: int) -> int:
        return order_id

    await app.ensure_initialized()
    async with app.backend.acquire() as conn:
        await conn.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    yield app
    await app.close()


async def orders(app: Soniq) -> list[int]:
    """Return the ids of the orders that are in the database."""
    async with app.backend.acquire() as conn:
        return [row["id"] for row in await conn.fetch("SELECT id FROM orders ORDER BY id")]


async def test_order_and_job_are_committed_together(shop: Soniq) -> None:
    """After the commit both are there, and the job runs."""
    task = shop.registry.get("shop.fulfill")
    async with shop.backend.acquire() as conn, conn.transaction():
        await conn.execute("INSERT INTO orders (id) VALUES ($1)", 7)
        job_id = await shop.enqueue(task, connection=conn, order_id=7)
        assert await shop.get_job(job_id) is None, "others must not see it before the commit"
    assert await orders(shop) == [7]
    await run_all(shop)
    assert await shop.get_result(job_id) == 7


async def test_rollback_takes_the_job_away(shop: Soniq) -> None:
    """After a rollback there is neither order nor job."""
    task = shop.registry.get("shop.fulfill")
    with pytest.raises(ZeroDivisionError):
        async with shop.backend.acquire() as conn, conn.transaction():
            await conn.execute("INSERT INTO orders (id) VALUES ($1)", 7)
            await shop.enqueue(task, connection=conn, order_id=7)
            raise ZeroDivisionError
    assert await orders(shop) == []
    assert await shop.list_jobs() == []


async def test_savepoint_rollback_takes_only_its_job_away(shop: Soniq) -> None:
    """A job of a savepoint that was rolled back is gone; that of the outer transaction stays."""
    task = shop.registry.get("shop.fulfill")
    async with shop.backend.acquire() as conn, conn.transaction():
        kept = await shop.enqueue(task, connection=conn, order_id=1)
        with pytest.raises(ZeroDivisionError):
            async with conn.transaction():
                await shop.enqueue(task, connection=conn, order_id=2)
                raise ZeroDivisionError
    assert [job.id for job in await shop.list_jobs()] == [kept]


async def test_connection_of_the_callers_own_pool(shop: Soniq, postgres_url: str) -> None:
    """A pool that Soniq knows nothing of serves as well, by its proxies and bare connections."""
    task = shop.registry.get("shop.fulfill")
    async with (
        asyncpg.create_pool(postgres_url, min_size=1, max_size=2) as pool,
        pool.acquire() as conn,
        conn.transaction(),
    ):
        first = await shop.enqueue(task, connection=conn, order_id=1)
    bare = await asyncpg.connect(postgres_url)
    async with bare.transaction():
        second = await shop.enqueue(task, connection=bare, order_id=2)
    await bare.close()
    assert [job.id for job in await shop.list_jobs()] == [second, first]


async def test_duplicate_does_not_disturb_the_transaction(shop: Soniq) -> None:
    """A unique job that waits already gives its id; the caller's transaction goes on."""
    task = shop.registry.get("shop.fulfill")
    waiting = await shop.enqueue(task, order_id=7)
    async with shop.backend.acquire() as conn, conn.transaction():
        assert await shop.enqueue(task, connection=conn, order_id=7) == waiting
        await conn.execute("INSERT INTO orders (id) VALUES ($1)", 7)
    assert await orders(shop) == [7]
    assert len(await shop.list_jobs()) == 1


async def test_idle_worker_is_woken_by_the_commit(postgres_url: str) -> None:
    """A worker that would not poll for an hour runs the job as soon as the caller commits."""
    app = Soniq(database_url=postgres_url, poll_interval=3600)

    @app.job(name="shop.fulfill")
    async def fulfill_order(order_id: int) -> int:
        return order_id

    await app.ensure_initialized()
    stop = asyncio.Event()
    worker = asyncio.create_task(app.run_worker(stop=stop))

    async def is_done(job_id: str) -> bool:
        job = await app.get_job(job_id)
        return job is not None and job.status is JobStatus.DONE

    # The first one tells that the worker has begun to listen; it may be found by its first look.
    first = await app.enqueue(fulfill_order, order_id=0)
    await until(lambda: is_done(first))
    for order_id in range(1, 4):
        async with app.backend.acquire() as conn, conn.transaction():
            job_id = await app.enqueue(fulfill_order, connection=conn, order_id=order_id)
        await until(lambda job_id=job_id: is_done(job_id))
    stop.set()
    await worker
    await app.close()
