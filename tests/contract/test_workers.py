"""Workers: who is alive, by leases that the database's clock ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from soniq.backends.contract import Backend, Queues
from soniq.backends.worker_contract import WorkerIdentity
from soniq.outcome import Complete
from tests.support import FrozenClock
from tests.support.store import NOBODY, OTHER, WORKER, claimed_job, new_job, register, settle


@pytest.mark.parametrize("queues", [None, (), ("a",), ("b", "a,", 'c"', "ü")], ids=repr)
async def test_a_worker_reads_back(backend: Backend, clock: FrozenClock, queues: Queues) -> None:
    """Everything that a worker says of itself can be read, queues in their order."""
    tasks = ("mail.send", "a,b", "ü")
    identity = WorkerIdentity(WORKER, "höst.example", 4711, queues, 25, tasks, "1.2.3")
    await backend.workers.register(identity, lease=30)
    [row] = await backend.workers.find()
    assert dict(row) == {
        "id": WORKER,
        "hostname": "höst.example",
        "pid": 4711,
        "queues": queues,
        "concurrency": 25,
        "tasks": tasks,
        "started_at": clock.now(),
        "renewed_at": clock.now(),
        "expires_at": clock.now() + timedelta(seconds=30),
        "alive": True,
        "version": "1.2.3",
        "wish": None,
        "running": 0,
        "memory_bytes": None,
        "loop_lag": None,
    }


async def test_nobody(backend: Backend) -> None:
    """Without workers there are no rows, nothing to renew and nothing to prune."""
    assert await backend.workers.find() == []
    assert not await backend.workers.renew(NOBODY, lease=30)
    assert await backend.workers.prune() == 0
    await backend.workers.leave(NOBODY)


async def test_registering_again_rewrites_the_row(backend: Backend, clock: FrozenClock) -> None:
    """A worker that finds its row gone writes it anew; two registrations are one row."""
    await register(backend, lease=30)
    clock.advance(seconds=50)
    await register(backend, lease=30, tasks=("other",), queues=("q",))
    [row] = await backend.workers.find()
    assert (row.tasks, row.queues, row.alive) == (("other",), ("q",), True)
    assert row.expires_at == clock.now() + timedelta(seconds=30)


async def test_oldest_start_first(backend: Backend, clock: FrozenClock) -> None:
    """Workers are listed in the order in which they started."""
    await register(backend, OTHER)
    clock.advance(seconds=1)
    await register(backend, WORKER)
    clock.advance(seconds=1)
    await backend.workers.renew(OTHER, lease=99)
    assert [row.id for row in await backend.workers.find()] == [OTHER, WORKER]


async def test_a_lease_runs_out(backend: Backend, clock: FrozenClock) -> None:
    """A worker is alive for its lease, and not a second longer."""
    await register(backend, lease=30)
    clock.advance(seconds=29)
    assert [row.alive for row in await backend.workers.find()] == [True]
    clock.advance(seconds=2)
    assert [row.alive for row in await backend.workers.find()] == [False]


async def test_renewing(backend: Backend, clock: FrozenClock) -> None:
    """A renewal counts from now, and only for the worker that is named."""
    await register(backend, WORKER, lease=30)
    await register(backend, OTHER, lease=30)
    started = clock.now()
    clock.advance(seconds=29)
    assert await backend.workers.renew(WORKER, lease=30)
    clock.advance(seconds=29)
    rows = {row.id: row for row in await backend.workers.find()}
    assert (rows[WORKER].alive, rows[OTHER].alive) == (True, False)
    assert rows[WORKER].started_at == started
    assert rows[WORKER].renewed_at == started + timedelta(seconds=29)
    assert rows[WORKER].expires_at == started + timedelta(seconds=59)


async def test_a_late_renewal_revives(backend: Backend, clock: FrozenClock) -> None:
    """As long as the row is there a worker may come back; when it is gone it is told so."""
    await register(backend, lease=30)
    clock.advance(seconds=31)
    assert await backend.workers.renew(WORKER, lease=30)
    assert [row.alive for row in await backend.workers.find()] == [True]
    clock.advance(seconds=31)
    assert await backend.workers.prune() == 1
    assert not await backend.workers.renew(WORKER, lease=30)
    assert await backend.workers.find() == []


async def test_leaving(backend: Backend) -> None:
    """A worker that leaves has no row any more; leaving twice is harmless."""
    await register(backend, WORKER)
    await register(backend, OTHER)
    await backend.workers.leave(WORKER)
    await backend.workers.leave(WORKER)
    assert [row.id for row in await backend.workers.find()] == [OTHER]


async def test_pruning_spares_the_living_and_those_with_jobs(
    backend: Backend, clock: FrozenClock
) -> None:
    """Only rows whose lease has run out and that hold no running job are deleted."""
    await register(backend, WORKER, lease=30)
    await register(backend, OTHER, lease=90)
    await register(backend, NOBODY, lease=30)
    job = await claimed_job(backend, new_job(clock), worker=WORKER)
    assert await backend.workers.prune() == 0
    clock.advance(seconds=31)
    assert await backend.workers.prune() == 1
    assert {row.id for row in await backend.workers.find()} == {WORKER, OTHER}
    assert await settle(backend, job, Complete("1"))
    assert await backend.workers.prune() == 1
    assert [row.id for row in await backend.workers.find()] == [OTHER]
