"""Connections that serve one statement after another without going back to the pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend, athand
from soniq.backends.postgres.athand import AtHand
from tests.support.jobs import until


async def own(postgres: PostgresBackend) -> AtHand:
    """Return the backend's own connections."""
    found = postgres._db._own
    assert found is not None
    return found


async def pid(connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record]) -> int:
    """Return which process of the server a statement ran in."""
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found


async def test_the_next_statement_has_the_same_connection(postgres: PostgresBackend) -> None:
    """Nothing is opened for statements that follow each other."""
    assert len({await postgres._db.repeat(pid) for _ in range(20)}) == 1
    assert (await own(postgres)).size == 1


async def test_all_callers_are_served(
    postgres_url: str, make_postgres: Callable[[str], PostgresBackend]
) -> None:
    """Where there are fewer connections than callers, each gets its turn."""
    opened = make_postgres(postgres_url)
    backend = opened.sibling()
    assert isinstance(backend, PostgresBackend)
    await backend.open()
    async with asyncio.timeout(20):
        pids = await asyncio.gather(*(backend._db.repeat(pid) for _ in range(50)))
    assert len(set(pids)) == 1
    await backend.close()


async def test_what_is_not_needed_goes_back(
    postgres: PostgresBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool has a connection again soon after its last statement."""
    monkeypatch.setattr(athand, "KEEP_SECONDS", 0.01)
    await postgres._db.repeat(pid)
    hand = await own(postgres)

    async def all_are_back() -> bool:
        return hand._pool.get_idle_size() == hand._pool.get_size()

    await until(all_are_back)
    assert hand.in_use == 0


async def test_a_cancelled_statement_spoils_nothing(postgres: PostgresBackend) -> None:
    """The connection of a statement that was cancelled is mended before it serves again."""

    async def sleep(connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record]) -> None:
        await connection.execute("SELECT pg_sleep(60)")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await postgres._db.repeat(sleep)
    async with asyncio.timeout(20):
        assert await postgres._db.repeat(pid)
    assert (await own(postgres)).in_use == 0


async def test_closing_waits_for_what_is_under_way(postgres: PostgresBackend) -> None:
    """A statement that runs when everything is closed comes to its end."""

    async def answer(connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record]) -> int:
        found: int = await connection.fetchval("SELECT 7 FROM pg_sleep(0.1)")
        return found

    await postgres._db.repeat(pid)
    running = asyncio.create_task(postgres._db.repeat(answer))
    await asyncio.sleep(0)
    await postgres.close()
    assert await running == 7
