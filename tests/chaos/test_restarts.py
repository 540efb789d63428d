"""The server is stopped and started again, over and over, while workers work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import median
from time import time

import asyncpg
import pytest

from tests.chaos.cluster import Cluster, running_cluster
from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, keep_enqueueing, until_settled
from tests.support.jobs import until

RESTARTS = 15
WORKERS = 2
# So much work is done between two restarts.
STRETCH = 60
# Seconds for which the server is away: longer than the longest pause between two tries, too.
OUTAGES = (0.0, 0.5, 2.5)
FIRST_CLAIM = """
SELECT extract(epoch FROM min(started_at))::float8
FROM soniq_jobs
WHERE started_at > to_timestamp($1)
"""
CLAIMS = "SELECT count(*) FROM soniq_jobs WHERE started_at > to_timestamp($1)"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of this test's own."""
    with running_cluster() as cluster:
        yield cluster


async def restart(cluster: Cluster, crew: Crew, number: int) -> float:
    """Stop the server, start it later; return the seconds until a worker has claimed again."""
    await asyncio.to_thread(cluster.stop, "immediate" if number % 2 else "fast")
    stopped = time()
    await asyncio.sleep(OUTAGES[number % len(OUTAGES)])
    await asyncio.to_thread(cluster.start)
    accepted = time()
    connection = await asyncpg.connect(cluster.url)

    async def worked() -> bool:
        return await connection.fetchval(CLAIMS, stopped) >= STRETCH

    try:
        await until(worked, patience=20)
        first: float = await connection.fetchval(FIRST_CLAIM, stopped)
    finally:
        await connection.close()
    return max(0.0, first - accepted)


@pytest.mark.timeout(240)
async def test_restarts_under_load(cluster: Cluster) -> None:
    """15 restarts, half of them crashes: nothing is lost or stuck, and work goes on in 3 s."""
    crew = Crew(cluster.url)
    crew.pace = 0.1
    stop = asyncio.Event()
    async with at_work(crew, WORKERS):
        producer = asyncio.create_task(keep_enqueueing(crew, stop, batch=20, pause=0.08))
        await until_started(crew, STRETCH)
        waits = [await restart(cluster, crew, number) for number in range(RESTARTS)]
        stop.set()
        produced = await producer
        crew.pace = 0.0
        ended = await until_settled(cluster.url, patience=60)
    lost = produced.durable - crew.runs.keys()
    figure(
        "restarts", restarts=RESTARTS, jobs=ended["done"], unknown=len(produced.unknown),
        lost=len(lost), extra_runs=crew.extra_runs(),
        first_claim_median_s=round(median(waits), 2), first_claim_max_s=round(max(waits), 2),
    )  # fmt: skip
    assert lost == set()
    assert crew.runs.keys() <= produced.durable | produced.unknown
    assert crew.extra_runs() <= RESTARTS * WORKERS
    assert median(waits) <= 3
    assert max(waits) <= 6


async def until_started(crew: Crew, number: int) -> None:
    """Return when so many jobs have been started."""

    async def started() -> bool:
        return len(crew.started_at) >= number

    await until(started)
