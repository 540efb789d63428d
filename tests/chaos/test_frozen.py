"""Workers that stand still for longer than their lease: what they do afterwards changes nothing."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.checker import violations
from tests.chaos.figures import figure
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.history import History
from tests.chaos.zygote import Order, Process, Zygote

LEASE = 2.0
SETTINGS = {"heartbeat_interval": 0.4, "heartbeat_timeout": LEASE}
PATIENCE = 20.0
JOBS = 300


async def freeze_two_of_three(made: Fleet) -> tuple[History, float]:
    """Stop two workers for two leases while all work; return what came of it.

    Also how many seconds the slower one took to run a job again.
    """
    workers = [made.start() for _ in range(3)]
    await made.enqueue("chaos.work", [{"seconds": 0.2}] * JOBS)
    await until(lambda: working(made) >= {worker.number for worker in workers})
    frozen = workers[:2]
    for worker in frozen:
        freeze(made, worker)
    await asyncio.sleep(2 * LEASE)
    # Enough work for the others, so that there is some left for who comes back.
    await made.enqueue("chaos.work", [{"seconds": 0.1}] * JOBS)
    woken = time.monotonic()
    for worker in frozen:
        made.zygote.signal(worker, signal.SIGCONT)
    await until(lambda: working(made, since=woken) >= {worker.number for worker in frozen})
    back = time.monotonic() - woken
    assert await made.until_all_ended(PATIENCE)
    assert await made.stop() == [0, 0, 0]
    return await made.history(stalled=frozenset(worker.number for worker in frozen)), back


def freeze(made: Fleet, worker: Process) -> None:
    """Stop a worker, but not while it has locked the SQLite file: that would stop them all."""
    stop(made, worker)
    while made.tables.is_locked():
        made.zygote.signal(worker, signal.SIGCONT)
        time.sleep(0.01)
        stop(made, worker)


def stop(made: Fleet, worker: Process) -> None:
    """Stop a worker; return when none of its threads runs any more."""
    made.zygote.signal(worker, signal.SIGSTOP)
    threads = list(Path(f"/proc/{worker.pid}/task").glob("*/stat"))
    while any(" T " not in thread.read_text() for thread in threads if thread.exists()):
        time.sleep(0.001)


def working(made: Fleet, since: float = 0.0) -> set[int]:
    """Return the processes that have started a job since then."""
    return {
        effect.process for effect in made.effects() if effect.what == "start" and effect.at > since
    }


async def test_a_frozen_worker_writes_nothing(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """Its outcomes are refused, each of them, and it works again within seconds."""
    order = Order(store_url, str(tmp_path), concurrency=5, settings=SETTINGS)
    async with fleet(zygote, order) as made:
        history, back = await freeze_two_of_three(made)
    refused = sum(effect.what == "lost" for effect in history.effects)
    figure(
        f"frozen for two leases on {store}",
        stale_writes_landed=len([line for line in violations(history) if line.startswith("I5")]),
        refused=refused,
        extra_runs=history.extra(),
        works_again_after=round(back, 2),
    )
    assert violations(history) == []
    assert refused == history.extra() > 0
    assert back <= 3


async def test_without_the_fence_stale_writes_land(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The check sees it: where outcomes are written unfenced, a late worker overwrites."""
    order = Order(store_url, str(tmp_path), concurrency=5, settings=SETTINGS)
    async with fleet(zygote, replace(order, sabotage=("fence",))) as made:
        history, _ = await freeze_two_of_three(made)
    assert [line for line in violations(history) if line.startswith("I5")]


async def block_the_loop(made: Fleet) -> tuple[Process, str]:
    """Start a job that blocks its worker's loop for three leases; return worker and job."""
    worker = made.start()
    [job_id] = await made.enqueue("chaos.block", [{"seconds": 3 * LEASE}])
    await until(lambda: bool(working(made)))
    made.start()
    return worker, job_id


async def test_a_blocked_loop_keeps_its_job(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """Three leases without a turn of the loop: nobody takes the job, and a warning names it."""
    order = Order(store_url, str(tmp_path), settings=SETTINGS)
    async with fleet(zygote, order) as made:
        _, job_id = await block_the_loop(made)
        began = time.monotonic()
        await until(lambda: f"chaos.block ({job_id})" in made.talk())
        warned = time.monotonic() - began
        assert await made.until_all_ended(PATIENCE)
        await made.stop()
        history = await made.history()
    figure(
        f"loop blocked for three leases on {store}",
        false_rescues=history.extra(),
        warned_after=round(warned, 2),
    )
    assert violations(history) == []
    assert history.extra() == 0
    assert warned <= 2


@pytest.mark.parametrize("store", ["postgres"], indirect=True)
async def test_without_a_lease_the_job_is_taken(
    store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The check sees it: where nobody renews the lease, a second worker runs the job."""
    order = Order(store_url, str(tmp_path), settings=SETTINGS, sabotage=("lease",))
    async with fleet(zygote, order) as made:
        await block_the_loop(made)
        await until(lambda: len(working(made)) > 1)
        assert await made.until_all_ended(PATIENCE)
        await made.stop()
        history = await made.history()
    found = violations(history)
    assert [line for line in found if line.startswith("I4")], found


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_without_a_watchdog_nobody_warns(
    store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """The check sees it: the warning comes from the watchdog alone."""
    order = Order(store_url, str(tmp_path), settings=SETTINGS, sabotage=("watchdog",))
    async with fleet(zygote, order) as made:
        _, job_id = await block_the_loop(made)
        assert await made.until_all_ended(PATIENCE)
        await made.stop()
        assert job_id not in made.talk()


async def until(fact: Callable[[], bool]) -> None:
    """Wait for what is to happen soon."""
    deadline = time.monotonic() + PATIENCE
    while not fact():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.01)
