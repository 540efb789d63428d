"""A role whose defaults are hostile: timeouts of 50 ms, SERIALIZABLE, read only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from soniq import Soniq
from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, counts, until_done
from tests.chaos.pooler import transaction_pooler
from tests.support.jobs import until
from tests.support.postgres import Server

DEFAULTS = {
    "statement_timeout": "50ms",
    "lock_timeout": "50ms",
    "idle_in_transaction_session_timeout": "50ms",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "synchronous_commit": "off",
}
LOCK_SECONDS = 0.3
JOBS = 400


@pytest.fixture
def hasty(postgres_server: Server) -> Iterator[str]:
    """The name of a role that has all of these defaults."""
    name = f"hasty_{uuid4().hex[:12]}"
    postgres_server.execute(f"CREATE ROLE {name} LOGIN SUPERUSER")
    for setting, value in DEFAULTS.items():
        postgres_server.execute(f"ALTER ROLE {name} SET {setting} = '{value}'")
    yield name
    postgres_server.execute(f"DROP ROLE {name}")


def login_as(role: str, url: str) -> str:
    """Return the URL for another role."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}").geturl()


@pytest.fixture(params=["direct", "pooled"])
def hasty_url(
    request: pytest.FixtureRequest,
    hasty: str,
    postgres_server: Server,
    fresh_postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The URL of a database without tables, for that role."""
    url = login_as(hasty, fresh_postgres_url)
    if request.param == "direct":
        yield url
        return
    # CREATE DATABASE is no part of a transaction, and sessions are the pooler's: it is not for such
    # a role to do.
    postgres_server.execute(f'CREATE DATABASE "{urlsplit(url).path[1:]}"')
    with transaction_pooler(url, monkeypatch) as pooled:
        yield pooled


@pytest.mark.timeout(120)
async def test_everything_works(hasty_url: str, fresh_postgres_url: str) -> None:
    """Setup, every way to enqueue, and two workers: each job is done once."""
    crew = Crew(hasty_url, poll_interval=0.1)
    assert await crew.producer.setup()
    async with at_work(crew, 2):
        numbers = range(JOBS // 2)
        await crew.producer.enqueue_many("note", [{"number": n} for n in numbers])
        for number in range(JOBS // 2, JOBS):
            await crew.producer.enqueue("note", args={"number": number}, dedup_key=f"key {number}")
        await until_done(fresh_postgres_url, JOBS, patience=40)
    assert crew.runs == Counter(range(JOBS))
    figure("hostile defaults", jobs=JOBS, runs=crew.runs.total())


async def test_a_lock_is_waited_for(hasty_url: str, fresh_postgres_url: str) -> None:
    """A key that another transaction may take is waited for, six times the role's timeout."""
    app = Soniq(database_url=hasty_url, enqueue_validation="none")
    await app.setup()
    other = Soniq(database_url=fresh_postgres_url, enqueue_validation="none")
    async with other.backend.acquire() as connection, connection.transaction():
        first = await other.enqueue("note", args={}, dedup_key="k", connection=connection)
        waiting = asyncio.create_task(app.enqueue("note", args={}, dedup_key="k"))
        await connection.execute("SELECT pg_sleep($1)", LOCK_SECONDS)
        assert not waiting.done()
    assert await waiting == first
    await app.close()
    await other.close()


async def test_the_callers_transaction_is_serializable(postgres_url: str) -> None:
    """A conflict over a key is the caller's to repeat, as any other one at this level."""
    app = Soniq(database_url=postgres_url, enqueue_validation="none")

    async def enqueue(connection: asyncpg.Connection[asyncpg.Record]) -> str:
        return await app.enqueue("note", args={}, dedup_key="k", connection=connection)

    async with app.backend.acquire() as first, app.backend.acquire() as second:
        async with first.transaction(isolation="serializable"):
            begun = second.transaction(isolation="serializable")
            await begun.start()
            await second.fetch("SELECT count(*) FROM soniq_jobs")  # its snapshot is of now
            holder = await enqueue(first)
        with pytest.raises(asyncpg.SerializationError):
            await enqueue(second)
        await begun.rollback()
        async with second.transaction(isolation="serializable"):
            assert await enqueue(second) == holder
            assert await enqueue(second) == holder
    assert await counts(postgres_url) == {"queued": 1}
    await app.close()


async def test_serializable_callers_side_by_side(postgres_url: str) -> None:
    """Callers that repeat what could not be serialized end with one job for each of theirs."""
    app = Soniq(database_url=postgres_url, enqueue_validation="none", pool_max_size=5)
    repeated = 0

    async def enqueue(number: int) -> None:
        nonlocal repeated
        async with app.backend.acquire() as connection:
            for _ in range(50):
                try:
                    async with connection.transaction(isolation="serializable"):
                        await app.enqueue(
                            "note", args={"number": number}, dedup_key=f"k{number % 10}",
                            connection=connection,
                        )  # fmt: skip
                        await app.enqueue("note", args={"number": number}, connection=connection)
                        return
                except asyncpg.SerializationError:
                    repeated += 1

    await asyncio.gather(*(enqueue(number) for number in range(100)))

    async def settled() -> bool:
        return await counts(postgres_url) == {"queued": 110}

    await until(settled, patience=5)
    await app.close()
    figure("serializable callers", transactions=100, repeated=repeated, jobs=110)
