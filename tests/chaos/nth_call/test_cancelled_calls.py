from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import asyncpg
import pytest

from soniq import settings
from soniq.backends.postgres import OWN_CONNECTIONS, PostgresBackend
from soniq.clock import SystemClock
from soniq.job import ClaimedJob
from soniq.outcome import Complete, Release, Settlement
from tests.chaos.figures import figure
from tests.support.jobs import until
from tests.support.store import WORKER, new_job

pytestmark = pytest.mark.timeout(300)

JOBS = 5
ROUNDS = 500
OPEN = """
SELECT count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS unfinished, count(*) AS open
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


class Interrupter:
    """Cancels calls after more and more turns of the loop; anew when one comes through."""

    def __init__(self) -> None:
        self.turns = 0
        self.cancelled = 0
        self.deepest = 0

    async def interrupt(self, call: Awaitable[Any]) -> Any:
        """Return what the call returns, or None where it was cancelled on its way."""
        task = asyncio.ensure_future(call)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        self.turns += 1
        if task.cancel():
            self.cancelled += 1
            self.deepest = max(self.deepest, self.turns)
        else:
            self.turns = 0
        try:
            return await task
        except asyncio.CancelledError:
            return None


async def claim(backend: PostgresBackend) -> list[ClaimedJob]:
    """Claim all there is."""
    return await backend.jobs.claim(None, limit=JOBS, worker=WORKER)


async def test_cancelled_at_every_await(postgres_url: str) -> None:
    """Claims and settlements that are cancelled anywhere leak no connection and lose no job."""
    clock = SystemClock()
    backend = PostgresBackend(postgres_url, settings.load(database_url=postgres_url), clock)
    await backend.open()
    await backend.jobs.insert([new_job(clock) for _ in range(JOBS)])
    claims, settles = Interrupter(), Interrupter()
    for _ in range(ROUNDS):
        jobs = await claims.interrupt(claim(backend)) or await claim(backend)
        assert len(jobs) == JOBS, f"claim cancelled after {claims.turns} turns"
        batch = [Settlement(job, Release()) for job in jobs]
        await settles.interrupt(backend.jobs.settle(batch, worker=WORKER))
        # As the worker does: an outcome is repeated until the database has answered.
        await backend.jobs.settle(batch, worker=WORKER)
    jobs = await claim(backend)
    owned = await backend.jobs.settle([Settlement(job, Complete()) for job in jobs], worker=WORKER)
    assert len(owned) == JOBS
    assert {job.attempt for job in jobs} == {1}
    await check_connections(backend, postgres_url)
    await backend.close()
    figure(
        "cancelled calls",
        backend="postgres",
        claims=claims.cancelled,
        settlements=settles.cancelled,
        deepest=max(claims.deepest, settles.deepest),
        leaked=0,
    )


async def check_connections(backend: PostgresBackend, url: str) -> None:
    """Fail where a connection has not come back to the pool, or holds a transaction open."""
    pool = backend._db._own
    assert pool is not None

    async def all_are_back() -> bool:
        return pool.in_use == 0

    await until(all_are_back)
    onlooker = await asyncpg.connect(url)

    async def no_more_than_the_pool() -> bool:
        record = await onlooker.fetchrow(OPEN)
        assert record is not None
        return record["unfinished"] == 0 and record["open"] <= min(pool.size, OWN_CONNECTIONS)

    try:
        await until(no_more_than_the_pool)
    finally:
        await onlooker.close()
