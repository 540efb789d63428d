"""The advisory lock of a worker: gone with its connection, back with the next one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from soniq.backends.contract import Backend
from soniq.backends.postgres import PostgresBackend
from soniq.backends.worker_contract import Lifeline
from soniq.clock import SystemClock
from soniq.events import Events
from soniq.settings import Settings
from soniq.worker.maintenance import Maintenance
from tests.support.jobs import until
from tests.support.store import WORKER, claimed_job, look, new_job, register

HOLDERS = """
SELECT pid, pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ShareLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

LOCKS = """
SELECT held.*, who.application_name, who.state, who.wait_event, who.backend_start, now()
FROM pg_locks AS held
LEFT JOIN pg_stat_activity AS who USING (pid)
WHERE held.locktype = 'advisory'
"""


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """Give an open backend on this test's database, by the server's clock."""
    backend = PostgresBackend(postgres_url, Settings(), SystemClock())
    await backend.open()
    yield backend
    await backend.close()


@pytest.fixture(autouse=True)
def no_connection_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the driver from replacing a lost connection before anybody asks for one.

    It may do so at any moment, and with the connection the lock is back.
    """

    async def leave_it(_: object) -> None: ...

    monkeypatch.setattr(asyncpg.Pool, "_maintain_min_size", leave_it, raising=False)


@pytest.fixture
async def admin(postgres_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Give a connection that is no part of Soniq."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


def maintenance(backend: Backend) -> Maintenance:
    """Return the maintenance of another worker."""
    return Maintenance(
        backend,
        Settings(),
        strangers={},
        others=lambda: 1,
        ended=int,
        events=Events(),
        clock=SystemClock(),
    )


async def until_silent(backend: Backend) -> None:
    """Return once the server has let go of a lock; else fail with who holds locks, and what for."""

    async def silent() -> bool:
        return bool(await backend.workers.silent())

    try:
        await until(silent, patience=40)
    except TimeoutError:
        async with backend.acquire() as connection:
            held = await connection.fetch(LOCKS)
            workers = await connection.fetch("SELECT * FROM soniq_workers")
        pytest.fail(f"nobody is silent. Locks: {held}; workers: {workers}")


async def test_a_lost_connection_is_told_and_the_lock_comes_back(
    postgres: PostgresBackend, admin: asyncpg.Connection[asyncpg.Record]
) -> None:
    """The heartbeat hears at once that its lock is gone; its next statement has it again."""
    lost = asyncio.Event()
    heartbeat = postgres.sibling(Lifeline(WORKER, lost.set))
    await heartbeat.open()
    await register(heartbeat, WORKER, lease=30)
    assert await admin.fetch(HOLDERS)
    await lost.wait()
    await until_silent(postgres)
    assert await heartbeat.workers.renew(WORKER, lease=30)
    assert await postgres.workers.silent() == []
    await heartbeat.close()


async def test_silence_is_believed_the_second_time(postgres: PostgresBackend) -> None:
    """A worker that is silent twice loses its lease, and its job goes to the others."""
    heartbeat = postgres.sibling(Lifeline(WORKER, lambda: None))
    await heartbeat.open()
    await register(heartbeat, WORKER, lease=3600)
    job = await claimed_job(postgres, new_job(SystemClock()))
    await heartbeat.close()
    await until_silent(postgres)

    other = maintenance(postgres)
    await other.listen()
    assert (await look(postgres, job.id)).status == "processing"
    await other.listen()
    assert (await look(postgres, job.id)).status == "queued"


async def test_a_renewal_between_two_looks_counts(postgres: PostgresBackend) -> None:
    """Who has renewed since it was found silent lives, though its lock is not back yet."""
    heartbeat = postgres.sibling(Lifeline(WORKER, lambda: None))
    await heartbeat.open()
    await register(heartbeat, WORKER, lease=3600)
    job = await claimed_job(postgres, new_job(SystemClock()))
    await heartbeat.close()
    await until_silent(postgres)

    other = maintenance(postgres)
    for _ in range(3):
        await other.listen()
        assert await postgres.workers.renew(WORKER, lease=3600)
    assert (await look(postgres, job.id)).status == "processing"


async def test_a_pooler_is_recognised(
    postgres: PostgresBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the server's process is not the one that was connected to, the lease alone decides."""
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)
    heartbeat = postgres.sibling(Lifeline(WORKER, lambda: None))
    await heartbeat.open()
    await register(heartbeat, WORKER, lease=30)
    await heartbeat.close()
    assert await postgres.workers.silent() == []
