"""Jobs that belong to the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.errors import TransactionUnsupported
from soniq.job import NewJob

NewJobs = Callable[..., NewJob]


async def test_commit(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """Nobody sees the job before the commit, and everybody does after it."""
    job = new_job()
    async with onlooker.transaction():
        assert await postgres.jobs.insert([job], connection=onlooker) == [job.id]
        assert await postgres.jobs.get(job.id) is None
    assert await postgres.jobs.get(job.id) is not None


async def test_rollback(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """A job of a transaction that was rolled back never was."""
    job = new_job()
    transaction = onlooker.transaction()
    await transaction.start()
    await postgres.jobs.insert([job], connection=onlooker)
    await transaction.rollback()
    assert await postgres.jobs.find() == []


async def test_savepoint_rollback(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """Rolling back to a savepoint takes only the jobs after it."""
    kept, dropped = new_job(), new_job()
    async with onlooker.transaction():
        await postgres.jobs.insert([kept], connection=onlooker)
        savepoint = onlooker.transaction()
        await savepoint.start()
        await postgres.jobs.insert([dropped], connection=onlooker)
        await savepoint.rollback()
    assert [job.id for job in await postgres.jobs.find()] == [kept.id]


async def test_lent_connection(postgres: PostgresBackend, new_job: NewJobs) -> None:
    """The backend lends connections for this very purpose."""
    job = new_job()
    async with postgres.acquire() as connection, connection.transaction():
        await postgres.jobs.insert([job], connection=connection)
        assert await postgres.jobs.get(job.id) is None
    assert await postgres.jobs.get(job.id) is not None


async def test_foreign_pool(postgres: PostgresBackend, postgres_url: str, new_job: NewJobs) -> None:
    """A connection from the caller's own pool will do."""
    job = new_job()
    async with (
        asyncpg.create_pool(postgres_url, min_size=1, max_size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        await postgres.jobs.insert([job], connection=connection)
    assert await postgres.jobs.get(job.id) is not None


async def test_duplicate_raises_nothing(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """A duplicate answers with the holder's id and leaves the transaction whole."""
    holder, duplicate = new_job(unique_key="once"), new_job(unique_key="once")
    await postgres.jobs.insert([holder])
    async with onlooker.transaction():
        ids = await postgres.jobs.insert([duplicate, new_job()], connection=onlooker)
        assert await onlooker.fetchval("SELECT 1") == 1
    assert ids[0] == holder.id
    assert len(await postgres.jobs.find()) == 2


async def test_own_codecs_do_no_harm(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """Codecs for json and uuid that the caller has set do not change what is written."""
    for name in ("json", "uuid"):
        await onlooker.set_type_codec(
            name, schema="pg_catalog", encoder=json.dumps, decoder=lambda text: text + "!"
        )
    job = new_job(args='{"b": 1, "a": 1e308}')
    assert await postgres.jobs.insert([job], connection=onlooker) == [job.id]
    written = await postgres.jobs.get(job.id)
    assert written is not None
    assert list(written.args.items()) == [("b", 1), ("a", 1e308)]


async def test_other_connections_are_refused(postgres: PostgresBackend, new_job: NewJobs) -> None:
    """What is no connection of asyncpg is refused by its type."""
    with pytest.raises(TransactionUnsupported, match=r"builtins\.str.*acquire\(\)"):
        await postgres.jobs.insert([new_job()], connection="a connection")
    assert await postgres.jobs.find() == []
