"""Rollups in PostgreSQL: the bounds in the schema, tallies, and sessions that do not wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from soniq import Soniq, settings
from soniq.backends import sqltext
from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.session import FOLDER
from soniq.histogram import BOUNDS, BUCKETS, bucket_of
from soniq.outcome import Complete, Settlement
from soniq.worker import maintenance
from tests.support import FrozenClock
from tests.support.jobs import until
from tests.support.postgres import connected
from tests.support.store import WORKER, claim, insert, new_job

BUCKET = "SELECT soniq_bucket(seconds) AS bucket FROM unnest($1::float8[]) AS seconds"
SPREAD = """
SELECT soniq_spread(string_agg(soniq_letter(seconds), '')) FROM unnest($1::float8[]) AS seconds
"""
APPEND = """
SELECT soniq_append_tally(now(), $1, 'complete', 'default', 'mail.send', 1, 0, 0, 'a', 'a')
"""
# As the statements of a program that knows no tallies.
ROLL_UP = """
SELECT soniq_roll_up($1, $2, 'complete', 'default', 'mail.send', 1, 0, 0, '{0}', '{0}')
"""
IMPATIENT = "SET lock_timeout = '2s'"


async def test_the_schema_has_the_same_bounds(postgres_url: str) -> None:
    """Just below each bound, at it, and above it."""
    seconds = [near for bound in BOUNDS for near in (math.nextafter(bound, 0), bound, bound * 1.01)]
    async with connected(postgres_url) as connection:
        found = [record["bucket"] for record in await connection.fetch(BUCKET, seconds)]
    assert found == [bucket_of(duration) for duration in seconds]
    assert set(found) == set(range(BUCKETS))


@pytest.fixture
async def backend(postgres_url: str, clock: FrozenClock) -> AsyncIterator[PostgresBackend]:
    """Give a backend that is open."""
    backend = PostgresBackend(postgres_url, settings.load(database_url=postgres_url), clock)
    await backend.open()
    yield backend
    await backend.close()


async def counted(backend: PostgresBackend, clock: FrozenClock) -> int:
    """Return how many ends of attempts there have been."""
    day = timedelta(days=1)
    found = await backend.stats.rollups(since=clock.now() - day, until=clock.now() + day)
    return sum(rollup.count for rollup in found)


async def complete_one(backend: PostgresBackend, clock: FrozenClock, queue: str) -> None:
    """Insert a job and complete it."""
    await insert(backend, new_job(clock, queue=queue))
    batch = [Settlement(job, Complete()) for job in await claim(backend)]
    assert len(await backend.jobs.settle(batch, worker=WORKER)) == 1


async def test_letters_are_spread_over_the_buckets(postgres_url: str) -> None:
    """Each bucket has its letter; no letters are none in each."""
    seconds = [0.0, *BOUNDS, BOUNDS[-1]]
    async with connected(postgres_url) as connection:
        assert await connection.fetchval(SPREAD, seconds) == [1] * (BUCKETS - 1) + [2]
        assert await connection.fetchval("SELECT soniq_spread('')") == [0] * BUCKETS


async def test_tallies_become_one_row(
    backend: PostgresBackend, clock: FrozenClock, postgres_url: str
) -> None:
    """Whichever sessions have appended them; beside the rows of programs that know none."""
    for _ in range(3):
        await complete_one(backend, clock, "default")
    async with connected(postgres_url) as connection:
        await connection.execute(ROLL_UP, clock.now(), WORKER)
        assert await counted(backend, clock) == 4
        assert await connection.fetchval("SELECT count(*) FROM soniq_tallies") == 3
        assert await backend.stats.roll_up(limit=10) == 3
        assert await connection.fetchval("SELECT count(*) FROM soniq_tallies") == 0
        rows = await connection.fetch("SELECT count, session FROM soniq_rollups ORDER BY session")
        assert [(row["count"], row["session"] != 0) for row in rows] == [(3, False), (1, True)]
    assert await counted(backend, clock) == 4


async def test_nobody_waits_for_who_rolls_up(
    backend: PostgresBackend, clock: FrozenClock, postgres_url: str
) -> None:
    """Neither completions of the same kind, nor others that roll up the tallies of another kind."""
    for queue in ("a", "b"):
        await complete_one(backend, clock, queue)
    roll_up = sqltext.read(FOLDER, "stats/roll_up")
    async with connected(postgres_url) as one, connected(postgres_url) as other:
        await other.execute(IMPATIENT)
        transaction = one.transaction()
        await transaction.start()
        assert await one.fetchval(roll_up, 1) == 1
        assert await other.fetchval(roll_up, 10) == 1
        for queue in ("a", "b"):
            await complete_one(backend, clock, queue)
        assert await counted(backend, clock) == 4
        await transaction.commit()
    assert await counted(backend, clock) == 4
    assert await backend.stats.roll_up(limit=10) == 2
    assert await counted(backend, clock) == 4


async def test_a_worker_rolls_up_what_it_has_ended(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds of the end; when it starts, what one that ended too soon has left."""
    monkeypatch.setattr(maintenance, "ROLL_UP_SECONDS", 0.1)
    app = Soniq(database_url=postgres_url)

    @app.job(name="ok.ok")
    async def ok() -> None: ...

    async with app, connected(postgres_url) as connection:

        async def is_rolled_up(number: int) -> bool:
            found = await connection.fetchval("SELECT sum(count) FROM soniq_rollups")
            left = await connection.fetchval("SELECT count(*) FROM soniq_tallies")
            return bool(found == number and left == 0)

        await connection.execute(APPEND, WORKER)
        stop = asyncio.Event()
        worker = asyncio.create_task(app.run_worker(stop=stop))
        await until(lambda: is_rolled_up(1))
        await app.enqueue(ok)
        await until(lambda: is_rolled_up(2))
        stop.set()
        await worker


async def test_figures_are_exact_while_many_roll_up(
    backend: PostgresBackend, clock: FrozenClock
) -> None:
    """Nothing is missing from any look, and nothing is there twice, however often all meet."""
    await insert(backend, *(new_job(clock, queue=f"q{number % 7}") for number in range(300)))
    jobs = await claim(backend, limit=300)
    said = done = 0

    async def complete() -> None:
        nonlocal said, done
        while jobs:
            batch = [Settlement(jobs.pop(), Complete()) for _ in range(10)]
            said += 10
            await backend.jobs.settle(batch, worker=WORKER)
            done += 10

    async def roll_up() -> None:
        while done < 300:
            await backend.stats.roll_up(limit=3)

    async def look() -> None:
        while done < 300:
            least = done
            assert least <= await counted(backend, clock) <= said

    await asyncio.gather(complete(), complete(), roll_up(), roll_up(), look())
    assert await counted(backend, clock) == 300


async def test_tallies_that_nobody_has_added_are_pruned(
    backend: PostgresBackend, clock: FrozenClock
) -> None:
    """As rollups are."""
    await complete_one(backend, clock, "default")
    clock.advance(seconds=3600)
    assert await backend.stats.prune(older_than=3600) == 0
    clock.advance(seconds=120)
    assert await backend.stats.prune(older_than=3600) == 1
    assert await counted(backend, clock) == 0


async def test_sessions_do_not_wait_for_each_other(
    backend: PostgresBackend, clock: FrozenClock, postgres_url: str
) -> None:
    """A completion that is not committed yet holds up no other one of the same worker."""
    await insert(backend, new_job(clock), new_job(clock))
    complete = sqltext.read(FOLDER, "jobs/complete_within")
    begin = sqltext.read(FOLDER, "jobs/begin")
    async with connected(postgres_url) as one, connected(postgres_url) as other:
        transactions = [one.transaction(), other.transaction()]
        for transaction in transactions:
            await transaction.start()
        for session, job in zip((one, other), await claim(backend), strict=True):
            await session.execute(IMPATIENT)
            number = await session.fetchval(begin, column=1)
            facts = clock.now(), WORKER, job.id, job.fence, number, "True"
            [record] = await session.fetch(complete, *facts)
            assert record["owned"]
        for transaction in transactions:
            await transaction.commit()
    assert await counted(backend, clock) == 2
