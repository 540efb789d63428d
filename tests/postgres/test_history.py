"""Rollups in PostgreSQL: the bounds in the schema, and sessions that do not wait for each other."""

from __future__ import annotations

import math
from datetime import timedelta

from soniq import settings
from soniq.backends import sqltext
from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.session import FOLDER
from soniq.histogram import BOUNDS, BUCKETS, bucket_of
from tests.support import FrozenClock
from tests.support.postgres import connected
from tests.support.store import WORKER, claim, insert, new_job

BUCKET = "SELECT soniq_bucket(seconds) AS bucket FROM unnest($1::float8[]) AS seconds"
IMPATIENT = "SET lock_timeout = '2s'"


async def test_the_schema_has_the_same_bounds(postgres_url: str) -> None:
    """Just below each bound, at it, and above it."""
    seconds = [near for bound in BOUNDS for near in (math.nextafter(bound, 0), bound, bound * 1.01)]
    async with connected(postgres_url) as connection:
        found = [record["bucket"] for record in await connection.fetch(BUCKET, seconds)]
    assert found == [bucket_of(duration) for duration in seconds]
    assert set(found) == set(range(BUCKETS))


async def test_sessions_do_not_wait_for_each_other(postgres_url: str, clock: FrozenClock) -> None:
    """A completion that is not committed yet holds up no other one of the same worker."""
    backend = PostgresBackend(postgres_url, settings.load(database_url=postgres_url), clock)
    await backend.open()
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
    day = timedelta(days=1)
    found = await backend.stats.rollups(since=clock.now() - day, until=clock.now() + day)
    assert [rollup.count for rollup in found] == [2]
    await backend.close()
