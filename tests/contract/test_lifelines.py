"""Lifelines: a lock for each worker, that tells sooner than its lease whether it lives."""

from __future__ import annotations

from soniq.backends.contract import Backend
from soniq.backends.worker_contract import Lifeline, Silence
from tests.support import FrozenClock
from tests.support.store import OTHER, WORKER, register


async def test_who_holds_a_lock_is_not_silent(backend: Backend, clock: FrozenClock) -> None:
    """Nobody takes a worker for dead whose heartbeat is connected, however late it renews."""
    heartbeat = backend.sibling(Lifeline(WORKER, lambda: None))
    await heartbeat.open()
    try:
        await register(heartbeat, WORKER, lease=30)
        clock.advance(seconds=29)
        assert await backend.workers.silent() == []
        [row] = await backend.workers.find()
        assert not await backend.workers.expire(Silence(WORKER, row.renewed_at))
        assert [row.alive for row in await backend.workers.find()] == [True]
    finally:
        await heartbeat.close()


async def test_who_never_had_a_lock_is_not_silent(backend: Backend) -> None:
    """Where there was no lock, the lease alone decides."""
    await register(backend, OTHER, lease=30)
    assert await backend.workers.silent() == []
    [row] = await backend.workers.find()
    assert not await backend.workers.expire(Silence(OTHER, row.renewed_at))
    assert [row.alive for row in await backend.workers.find()] == [True]


async def test_a_lifeline_can_be_taken_up_again(backend: Backend) -> None:
    """A handle that was closed and opened again holds the lock again."""
    heartbeat = backend.sibling(Lifeline(WORKER, lambda: None))
    for _ in range(2):
        await heartbeat.open()
        await register(heartbeat, WORKER, lease=30)
        assert await backend.workers.silent() == []
        await heartbeat.close()
