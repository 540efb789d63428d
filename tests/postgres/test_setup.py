"""Creating the database and its schema, and what is said where that has not been done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.errors import ConfigurationError, DatabaseUnreachable, SchemaNotReady

MakePostgres = Callable[[str], PostgresBackend]
VERSIONS = [1, 2, 3, 4]


async def test_twenty_setups_at_once(fresh_postgres_url: str, make_postgres: MakePostgres) -> None:
    """Twenty setups of a database that does not exist all succeed, and each step applies once."""
    applied = await asyncio.gather(*(make_postgres(fresh_postgres_url).setup() for _ in range(20)))
    assert sorted(step.version for steps in applied for step in steps) == VERSIONS


async def test_second_setup_applies_nothing(postgres_url: str, make_postgres: MakePostgres) -> None:
    """Setting up what is up to date changes nothing."""
    assert await make_postgres(postgres_url).setup() == []


async def test_migrations_of_a_ready_database(
    postgres_url: str, make_postgres: MakePostgres
) -> None:
    """Every step is shown with the time when it was applied."""
    steps = await make_postgres(postgres_url).migrations()
    assert [step.version for step in steps] == VERSIONS
    assert all(step.applied_at is not None for step in steps)


async def test_migrations_of_a_missing_database(
    fresh_postgres_url: str, make_postgres: MakePostgres
) -> None:
    """Where there is no database, every step is pending."""
    steps = await make_postgres(fresh_postgres_url).migrations()
    assert [(step.version, step.applied_at) for step in steps] == [(v, None) for v in VERSIONS]


async def test_migrations_of_an_empty_database(
    postgres_url: str,
    make_postgres: MakePostgres,
    onlooker: asyncpg.Connection[asyncpg.Record],
) -> None:
    """Where there is a database without our tables, every step is pending."""
    await onlooker.execute("DROP TABLE soniq_migrations")
    steps = await make_postgres(postgres_url).migrations()
    assert [step.applied_at for step in steps] == [None for _ in VERSIONS]


async def test_open_names_the_cure_for_a_missing_database(
    fresh_postgres_url: str, make_postgres: MakePostgres
) -> None:
    """Opening what was never set up is one error that says what to run."""
    with pytest.raises(SchemaNotReady, match=r"soniq setup.*await app\.setup\(\)"):
        await make_postgres(fresh_postgres_url).open()


async def test_open_names_the_cure_for_missing_tables(
    postgres_url: str,
    make_postgres: MakePostgres,
    onlooker: asyncpg.Connection[asyncpg.Record],
) -> None:
    """A database without our tables is one error that says what to run."""
    await onlooker.execute("DROP TABLE soniq_migrations")
    with pytest.raises(SchemaNotReady, match="soniq setup"):
        await make_postgres(postgres_url).open()


async def test_open_refuses_an_older_schema(
    postgres_url: str,
    make_postgres: MakePostgres,
    onlooker: asyncpg.Connection[asyncpg.Record],
) -> None:
    """A schema that lacks a step is refused by the name of the step."""
    await onlooker.execute("DELETE FROM soniq_migrations")
    with pytest.raises(SchemaNotReady, match="0001_jobs"):
        await make_postgres(postgres_url).open()


async def test_open_accepts_a_newer_schema(
    postgres_url: str,
    make_postgres: MakePostgres,
    onlooker: asyncpg.Connection[asyncpg.Record],
) -> None:
    """A program runs on a schema that a newer one has already extended."""
    await onlooker.execute("INSERT INTO soniq_migrations VALUES (9999, 'future', 'x')")
    backend = make_postgres(postgres_url)
    await backend.open()
    assert await backend.jobs.due_in(None) is None
    await backend.close()


async def test_unreachable_server(make_postgres: MakePostgres) -> None:
    """Where nobody answers, the message names the place and never the password."""
    backend = make_postgres("postgresql://me:s3cret@127.0.0.1:1/jobs")
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1/jobs") as caught:
        await backend.open()
    assert "s3cret" not in str(caught.value)


def test_unreadable_url(make_postgres: MakePostgres) -> None:
    """A password that breaks the URL is not shown; the message says how to write it."""
    with pytest.raises(ConfigurationError, match="percent-encode") as caught:
        make_postgres("postgresql://me:pass/word@127.0.0.1/jobs")
    assert "pass/word" not in str(caught.value)


async def test_closing_twice(postgres: PostgresBackend) -> None:
    """Closing and opening again are harmless, each as often as one likes."""
    await postgres.close()
    await postgres.close()
    await postgres.open()
    await postgres.open()
    assert await postgres.jobs.find() == []
