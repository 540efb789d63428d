"""What workers tell of themselves with each heartbeat, and what they are asked to do by it."""

from __future__ import annotations

import pytest

from soniq.backends.contract import Backend
from soniq.backends.worker_contract import Renewal, Vitals
from tests.support.store import NOBODY, OTHER, WORKER, register

# --- the store ------------------------------------------------------------------------------------


async def test_vitals_come_with_a_renewal(backend: Backend) -> None:
    """They can be read until others come; a renewal without any leaves them as they are."""
    await register(backend, WORKER)
    await register(backend, OTHER)
    for vitals in (Vitals(7, 3 * 2**30, 0.25), Vitals(0, None, None)):
        assert await backend.workers.renew(WORKER, lease=30, vitals=vitals) == Renewal(1, None)
        assert await backend.workers.renew(WORKER, lease=30)
        rows = {row.id: row for row in await backend.workers.find()}
        assert (rows[WORKER].running, rows[WORKER].memory_bytes, rows[WORKER].loop_lag) == vitals
    assert rows[OTHER].running == 0


async def test_a_worker_learns_a_wish_by_its_next_renewal(backend: Backend) -> None:
    """Only the one that was asked; it stays asked until the wish is taken back."""
    await register(backend, WORKER)
    await register(backend, OTHER)
    assert await backend.workers.ask(WORKER, "quiet")
    for _ in range(2):
        assert await backend.workers.renew(WORKER, lease=30) == Renewal(1, "quiet")
    assert await backend.workers.renew(OTHER, lease=30) == Renewal(1, None)
    assert {row.id: row.wish for row in await backend.workers.find()} == {
        WORKER: "quiet",
        OTHER: None,
    }
    assert await backend.workers.ask(WORKER, None)
    assert await backend.workers.renew(WORKER, lease=30) == Renewal(1, None)


@pytest.mark.parametrize("late", ["quiet", None])
async def test_a_wish_to_stop_is_never_taken_back(backend: Backend, late: str | None) -> None:
    """The worker may have obeyed already: whoever asks for less comes too late."""
    await register(backend)
    await backend.workers.ask(WORKER, "quiet")
    assert await backend.workers.ask(WORKER, "stop")
    assert await backend.workers.ask(WORKER, late)
    assert await backend.workers.renew(WORKER, lease=30) == Renewal(0, "stop")


async def test_a_worker_that_registers_anew_is_still_asked(backend: Backend) -> None:
    """As long as its row is there; one that comes back under a row of its own is not."""
    await register(backend)
    await backend.workers.ask(WORKER, "quiet")
    await register(backend)
    assert await backend.workers.renew(WORKER, lease=30) == Renewal(0, "quiet")
    await backend.workers.leave(WORKER)
    await register(backend)
    assert await backend.workers.renew(WORKER, lease=30) == Renewal(0, None)


@pytest.mark.parametrize("worker", [NOBODY, "no id", ""])
async def test_nobody_can_be_asked(backend: Backend, worker: str) -> None:
    """Whoever is not there hears nothing, and that is said."""
    assert not await backend.workers.ask(worker, "quiet")
