"""The proxy itself: each fault does what it says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import asyncpg
import pytest

from tests.chaos.proxy import Proxy

LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    """A proxy before this test's database."""
    with Proxy(postgres_url) as proxy:
        yield proxy


@pytest.fixture
def url(postgres_url: str, proxy: Proxy) -> str:
    """The URL of this test's database by way of the proxy."""
    return proxy.url(postgres_url)


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection by way of the proxy, with a table to write to."""
    connection = await asyncpg.connect(url, timeout=5)
    await connection.execute("CREATE TABLE note (number int)")
    yield connection
    connection.terminate()


async def notes(url: str) -> int:
    """Return how many rows there are, drop the table, and leave no connection."""
    other = await asyncpg.connect(url, timeout=5)
    number: int = await other.fetchval("SELECT count(*) FROM note")
    await other.execute("DROP TABLE note")
    await other.close()
    return number


async def test_pass(connection: asyncpg.Connection[asyncpg.Record], postgres_url: str) -> None:
    """Without a fault everything arrives, also when it is large."""
    text = await connection.fetchval("SELECT repeat('x', 1000000) || $1", "y")
    assert len(text) == 1_000_001
    assert await notes(postgres_url) == 0


async def test_delay(
    connection: asyncpg.Connection[asyncpg.Record], proxy: Proxy, postgres_url: str
) -> None:
    """A delay is waited for on the way there and on the way back."""
    proxy.delay(0.1)
    began = monotonic()
    await connection.execute("SELECT 1")
    assert monotonic() - began >= 0.2
    proxy.heal()
    assert await notes(postgres_url) == 0


async def test_it_ends_amid_a_delay(postgres_url: str) -> None:
    """What is on its way then is dropped, and its thread ends without a word."""
    with Proxy(postgres_url) as proxy:
        connection = await asyncpg.connect(proxy.url(postgres_url))
        proxy.delay(60)
        waiting = asyncio.create_task(connection.execute("SELECT 1"))
        await asyncio.sleep(0)
        assert proxy.lost_replies() == 0  # asked in its thread, which has the statement by then
    with pytest.raises(LOST):
        await waiting


async def test_blackhole(
    connection: asyncpg.Connection[asyncpg.Record], proxy: Proxy, url: str, postgres_url: str
) -> None:
    """Nobody is told anything: not who waits for an answer, not who connects, not the server."""
    proxy.blackhole()
    with pytest.raises(TimeoutError):
        await connection.execute("INSERT INTO note VALUES (1)", timeout=0.2)
    with pytest.raises(TimeoutError):
        await asyncpg.connect(url, timeout=0.2)
    proxy.heal()
    with pytest.raises(LOST):
        await connection.execute("SELECT 1")
    assert await notes(postgres_url) == 0


async def test_reset(
    connection: asyncpg.Connection[asyncpg.Record], proxy: Proxy, postgres_url: str
) -> None:
    """A reset ends every link at once, and new ones work."""
    waiting = asyncio.create_task(connection.execute("SELECT pg_sleep(20)"))
    await asyncio.sleep(0)
    assert proxy.reset() == 1
    with pytest.raises(LOST):
        await waiting
    assert await notes(postgres_url) == 0


async def test_cut_after_bytes(
    connection: asyncpg.Connection[asyncpg.Record], proxy: Proxy, url: str, postgres_url: str
) -> None:
    """A link breaks before the server has said more than it may."""
    proxy.cut_after(20_000)
    with pytest.raises(LOST):
        await connection.fetchval("SELECT repeat('x', 100000)")
    fresh = await asyncpg.connect(url, timeout=5)
    assert await fresh.fetchval("SELECT 1") == 1
    fresh.terminate()
    assert await notes(postgres_url) == 0


@pytest.mark.parametrize("command", ["INSERT", "COMMIT"])
async def test_lost_reply(
    connection: asyncpg.Connection[asyncpg.Record], proxy: Proxy, postgres_url: str, command: str
) -> None:
    """The n-th reply is lost, and what it would have told is durable."""
    proxy.lose_replies([command], every=2)

    async def write() -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO note VALUES (1)")

    if command == "COMMIT":
        await write()
        with pytest.raises(LOST):
            await write()
    else:
        await connection.execute("INSERT INTO note VALUES (1)")
        with pytest.raises(LOST):
            await connection.execute("INSERT INTO note VALUES ($1)", 1)
    assert proxy.lost_replies() == 1
    assert await notes(postgres_url) == 2
