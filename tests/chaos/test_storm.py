"""Somebody ends connections of Soniq at random, twice a second, whatever they are doing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import monotonic

import asyncpg
import pytest

from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, keep_enqueueing, until_settled

STORM_SECONDS, CLEAN_SECONDS, PAUSE = 30.0, 6.0, 0.5
WORKERS = 2
BACKLOG = 25_000
# Any of them: those of claims and settlements, the heartbeats', the listeners', the producer's.
KILL = """
SELECT application_name, pg_terminate_backend(pid)
FROM pg_stat_activity
WHERE application_name LIKE 'soniq%' AND datname = current_database()
ORDER BY random()
LIMIT 1
"""


async def rage(url: str, seconds: float) -> int:
    """Kill connections for so long; return how many."""
    connection = await asyncpg.connect(url)
    kills, end = 0, monotonic() + seconds
    try:
        while monotonic() < end:
            kills += len(await connection.fetch(KILL))
            await asyncio.sleep(PAUSE)
    finally:
        await connection.close()
    return kills


async def runs_per_second(crew: Crew, weather: Awaitable[object]) -> float:
    """Return how many jobs a second were run while the weather lasted."""
    before, began = crew.runs.total(), monotonic()
    await weather
    return (crew.runs.total() - before) / (monotonic() - began)


@pytest.mark.timeout(180)
async def test_storm(postgres_url: str) -> None:
    """60 connections are killed in 30 s: nothing is lost, and the workers work on."""
    crew = Crew(postgres_url)
    crew.pace = 0.03
    stop = asyncio.Event()
    await crew.producer.enqueue_many("note", [{"number": -1 - n} for n in range(BACKLOG)])
    async with at_work(crew, WORKERS):
        producer = asyncio.create_task(keep_enqueueing(crew, stop, batch=10, pause=0.1))
        calm = await runs_per_second(crew, asyncio.sleep(CLEAN_SECONDS))
        kills = asyncio.create_task(rage(postgres_url, STORM_SECONDS))
        stormy = await runs_per_second(crew, kills)
        stop.set()
        produced = await producer
        crew.pace = 0.0
        ended = await until_settled(postgres_url, patience=60)
    lost = (produced.durable | {-1 - n for n in range(BACKLOG)}) - crew.runs.keys()
    figure(
        "storm", kills=kills.result(), jobs=ended["done"], lost=len(lost),
        extra_runs=crew.extra_runs(), unknown=len(produced.unknown),
        clean_per_s=round(calm), storm_per_s=round(stormy), ratio=round(stormy / calm, 2),
    )  # fmt: skip
    assert lost == set()
    assert crew.extra_runs() <= kills.result()
