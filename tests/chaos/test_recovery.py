"""How long it takes until the jobs of a killed worker run again."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from pathlib import Path

from tests.chaos.checker import violations
from tests.chaos.figures import figure
from tests.chaos.fleet import Fleet, fleet
from tests.chaos.scenarios import recovery_times
from tests.chaos.zygote import Order, Zygote

PATIENCE = 20.0
JOBS = 4  # of each worker, all of them running
SHORT_LEASE = {"heartbeat_interval": 1.0, "heartbeat_timeout": 6.0}


async def kill_and_time(made: Fleet, kills: int) -> list[float]:
    """Kill one of two workers again and again; return the seconds until each job ran again."""
    for _ in range(2):
        made.start()
    for _ in range(kills):
        ids = await made.enqueue("chaos.work", [{"seconds": 0.5}] * 2 * JOBS)
        await started(made, ids, 1)
        victim, *_ = made.living.values()
        hit = [
            effect.job_id
            for effect in made.effects()
            if effect.what == "start" and effect.process == victim.number and effect.job_id in ids
        ]
        await made.kill(victim)
        made.start()
        await started(made, hit, 2)
        assert await made.until_all_ended(PATIENCE)
    await made.stop()
    history = await made.history()
    assert violations(history) == []
    return recovery_times(history)


async def started(made: Fleet, ids: list[str], times: int) -> None:
    """Wait until these jobs have started so often, or have ended before."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        effects = [effect for effect in made.effects() if effect.job_id in ids]
        ended = {effect.job_id for effect in effects if effect.what == "end"}
        starts = [effect.job_id for effect in effects if effect.what == "start"]
        if all(starts.count(job_id) >= times or (times > 1 and job_id in ended) for job_id in ids):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_the_lock_tells_within_seconds(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """With default settings the jobs of a killed worker run again after a median of 3 s at most."""
    async with fleet(zygote, Order(store_url, str(tmp_path), concurrency=JOBS)) as made:
        times = await kill_and_time(made, kills=8)
    publish(f"recovery by lock on {store}", times)
    assert len(times) >= 8
    assert statistics.median(times) <= 3


async def test_without_the_lock_the_lease_tells(
    store: str, store_url: str, zygote: Zygote, tmp_path: Path
) -> None:
    """Where nobody looks at locks it takes the lease: longer than 3 s, at most 5 s beyond it."""
    order = Order(store_url, str(tmp_path), concurrency=JOBS, settings=SHORT_LEASE)
    async with fleet(zygote, replace(order, sabotage=("lock",))) as made:
        times = await kill_and_time(made, kills=2)
    publish(f"recovery by lease of {SHORT_LEASE['heartbeat_timeout']:g} s on {store}", times)
    assert statistics.median(times) > 3, "the test above can't tell the lock from the lease"
    assert times[-1] <= SHORT_LEASE["heartbeat_timeout"] + 5


def publish(scenario: str, times: list[float]) -> None:
    """Tell the figures."""
    figure(
        scenario,
        jobs_hit=len(times),
        median=round(statistics.median(times), 2),
        most=round(times[-1], 2),
    )
