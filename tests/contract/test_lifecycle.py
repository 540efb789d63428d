"""Opening, closing, siblings and the schema."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from soniq.backends.contract import Backend
from soniq.clock import Clock
from soniq.errors import UnsupportedByBackend
from soniq.job import ClaimedJob
from tests.support import FrozenClock
from tests.support.store import WORKER, claim, insert, look, new_job, register

MakeBackend = Callable[[Clock], Backend]


async def test_the_name(backend: Backend, backend_kind: str) -> None:
    """Each backend says which one it is."""
    assert backend.name == backend_kind


async def test_opening_and_closing_twice(make_backend: MakeBackend, clock: FrozenClock) -> None:
    """Neither a second open nor a second close does harm."""
    backend = make_backend(clock)
    await backend.open()
    await backend.open()
    await insert(backend, new_job(clock))
    await backend.close()
    await backend.close()


async def test_closing_what_was_never_opened(make_backend: MakeBackend, clock: FrozenClock) -> None:
    """A handle that was never used can be closed."""
    await make_backend(clock).close()


async def test_opened_again(make_backend: MakeBackend, clock: FrozenClock) -> None:
    """Another handle to the same database finds the jobs of the first."""
    new = new_job(clock)
    for handle in (make_backend(clock), make_backend(clock)):
        await handle.open()
        await insert(handle, new)
        assert len(await handle.jobs.find()) == 1
        await handle.close()


async def test_setup_is_repeatable(make_backend: MakeBackend, clock: FrozenClock) -> None:
    """Setting up what is set up does nothing, and keeps the jobs."""
    backend = make_backend(clock)
    await backend.setup()
    await backend.open()
    await insert(backend, new_job(clock))
    assert await backend.setup() == []
    assert len(await backend.jobs.find()) == 1
    await backend.close()


async def test_migrations_after_setup(make_backend: MakeBackend, clock: FrozenClock) -> None:
    """After a setup every step of the schema has a time; versions rise and checksums are there."""
    backend = make_backend(clock)
    await backend.setup()
    steps = await backend.migrations()
    assert all(step.applied_at is not None and step.checksum for step in steps)
    versions = [step.version for step in steps]
    assert versions == sorted(set(versions))
    await backend.close()


async def test_connections_to_lend(backend: Backend, backend_kind: str) -> None:
    """PostgreSQL lends a connection; the others say that they have none, and who has."""
    if backend_kind == "postgres":
        async with backend.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1
        return
    with pytest.raises(UnsupportedByBackend, match="PostgreSQL"):
        async with backend.acquire():
            pytest.fail("nothing can be lent")


async def test_a_sibling_in_another_thread(backend: Backend, clock: FrozenClock) -> None:
    """A sibling works in its own thread and loop on the same data, while the first is in use."""
    await register(backend, lease=30)
    jobs = [new_job(clock) for _ in range(20)]
    await insert(backend, *jobs)
    sibling = backend.sibling()

    async def elsewhere() -> list[ClaimedJob]:
        await sibling.open()
        try:
            assert await sibling.workers.renew(WORKER, lease=90)
            return [job for _ in range(10) for job in await claim(sibling, limit=1)]
        finally:
            await sibling.close()

    with ThreadPoolExecutor(1) as executor:
        far = asyncio.get_running_loop().run_in_executor(executor, asyncio.run, elsewhere())
        near = [job for _ in range(10) for job in await claim(backend, limit=1)]
        claimed = near + await far
    assert sorted(job.id for job in claimed) == [job.id for job in jobs]
    [row] = await backend.workers.find()
    assert row.expires_at == clock.now() + (row.expires_at - row.renewed_at)
    assert (row.expires_at - clock.now()).total_seconds() == 90


async def test_closing_a_sibling_leaves_the_first(backend: Backend, clock: FrozenClock) -> None:
    """Handles live and end apart from each other."""
    sibling = backend.sibling()
    await sibling.open()
    new = new_job(clock)
    await insert(sibling, new)
    await sibling.close()
    assert (await look(backend, new.id)).id == new.id


async def test_a_cancelled_call_does_not_break_the_handle(
    backend: Backend, clock: FrozenClock
) -> None:
    """Whoever is cancelled in the middle of a call leaves a handle that works."""
    calls = [asyncio.create_task(insert(backend, new_job(clock))) for _ in range(20)]
    for turn, call in enumerate(calls):
        for _ in range(turn % 5):
            await asyncio.sleep(0)
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    new = new_job(clock)
    assert await insert(backend, new) == [new.id]
    assert (await look(backend, new.id)).id == new.id
