"""Real ``soniq scheduler`` processes beside real workers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from datetime import timedelta

from soniq import Soniq
from tests.support.jobs import until
from tests.system.conftest import SONIQ, Fleet

SECOND = timedelta(seconds=1)


def beats(fleet: Fleet) -> list[str]:
    """Return what the jobs of ``beat`` have written."""
    return [line for line in fleet.lines() if line.startswith("beat ")]


def beaten(fleet: Fleet, number: int) -> Callable[[], Awaitable[bool]]:
    """Return the question whether so many ticks have been run."""

    async def fact() -> bool:
        return len(beats(fleet)) >= number

    return fact


def fired(app: Soniq, name: str, number: int) -> Callable[[], Awaitable[bool]]:
    """Return the question whether so many ticks have been fired."""

    async def fact() -> bool:
        known = await app.scheduler.get(name)
        return known is not None and len(await app.scheduler.history(name, 1000)) >= number

    return fact


async def end(fleet: Fleet) -> list[int]:
    """Ask all processes to end and return their exit codes."""
    for process in fleet.processes:
        process.send_signal(signal.SIGTERM)
    return [await asyncio.to_thread(process.wait, 20) for process in fleet.processes]


async def test_two_schedulers_that_start_together_run_each_tick_once(
    fleet: Fleet, producer: Soniq
) -> None:
    """One schedule, one job for each tick, one run of each job; SIGTERM ends all with code 0."""
    await producer.ensure_initialized()
    fleet.start(command="scheduler")
    fleet.start(command="scheduler")
    fleet.start()
    await until(beaten(fleet, 5), patience=40)
    assert await end(fleet) == [0, 0, 0]
    assert [schedule.name for schedule in await producer.scheduler.list()] == ["beat"]
    ticks = [one.tick for one in reversed(await producer.scheduler.history("beat", 1000))]
    assert ticks == [ticks[0] + n * SECOND for n in range(len(ticks))]
    assert len(beats(fleet)) == len(set(beats(fleet)))
    assert {f"beat {tick}" for tick in ticks} >= set(beats(fleet))
    assert "1 schedule in this code" in fleet.log(0)


async def test_a_pause_by_the_command_line_holds_for_schedulers_that_run(
    fleet: Fleet, producer: Soniq
) -> None:
    """Another schedule shows that they are alive; the paused one makes not one more job."""
    await producer.ensure_initialized()
    fleet.start(command="scheduler")
    fleet.start("--with-scheduler", "--queues", "none")
    await until(fired(producer, "beat", 1), patience=40)
    await producer.scheduler.add("count.one", every=1, args={"number": 1})
    environment = {**os.environ, **fleet.environment}
    pause = [SONIQ, "schedules", "pause", "beat"]
    await asyncio.to_thread(subprocess.run, pause, env=environment, check=True, capture_output=True)
    before = await producer.list_jobs(name="beat", limit=1000)
    witness = len(await producer.scheduler.history("count.one", 1000))
    await until(fired(producer, "count.one", witness + 3))
    assert len(await producer.list_jobs(name="beat", limit=1000)) == len(before)
    assert await end(fleet) == [0, 0]
