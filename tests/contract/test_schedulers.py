"""Schedulers that run: several at once, each with a handle of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from soniq import Soniq
from soniq.backends.contract import SCHEDULE_CHANGES
from soniq.clock import Clock
from tests.conftest import MakeApp
from tests.support import FrozenClock
from tests.support.jobs import until

SECOND = timedelta(seconds=1)


@asynccontextmanager
async def running(*apps: Soniq) -> AsyncIterator[None]:
    """Run a scheduler for each app; they must end within seconds of being asked to."""
    stop = asyncio.Event()
    tasks = [asyncio.create_task(app.run_scheduler(stop=stop)) for app in apps]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)


@pytest.fixture
def make_knowing(make_app: MakeApp) -> Callable[..., Soniq]:
    """Make apps that know the tasks ``a`` and ``b``, each like another process."""

    def make(clock: Clock | None = None) -> Soniq:
        app = make_app(clock)
        for name in ("a", "b"):
            app.job(name=name)(nothing)
        return app

    return make


async def nothing() -> None:
    """Do nothing."""


async def ticks_of(app: Soniq, name: str) -> list[Any]:
    """Return the ticks that were fired so far, the earliest first."""
    return [one.tick for one in reversed(await app.scheduler.history(name, 1000))]


def fired(app: Soniq, name: str, number: int) -> Callable[[], Any]:
    """Return the question whether so many ticks were fired."""

    async def fact() -> bool:
        return len(await ticks_of(app, name)) >= number

    return fact


async def test_a_sleeping_scheduler_hears_of_a_new_schedule(
    make_knowing: Callable[..., Soniq],
) -> None:
    """Added elsewhere while all schedulers sleep, it fires when it is due, not a look later."""
    operator, *schedulers = (make_knowing() for _ in range(3))
    async with running(*schedulers):
        await operator.scheduler.add("b", every=1)
        await until(fired(operator, "b", 1))
        await operator.scheduler.remove("b")
        await operator.scheduler.add("a", every=1)
        await until(fired(operator, "a", 3), patience=10)
    ticks = await ticks_of(operator, "a")
    assert ticks == [ticks[0] + n * SECOND for n in range(len(ticks))]


async def test_after_a_pause_from_elsewhere_nothing_fires(
    make_knowing: Callable[..., Soniq], clock: FrozenClock
) -> None:
    """Two schedulers at work, and the other schedule goes on: not one tick after the pause."""
    operator, *schedulers = (make_knowing(clock) for _ in range(3))
    await operator.scheduler.add("a", every=1)
    await operator.scheduler.add("b", every=1)

    async def begin_a_second() -> None:
        clock.advance(seconds=1)
        await operator.backend.wakeups.wake([SCHEDULE_CHANGES])

    async def two_seconds_pass() -> None:
        for _ in range(2):
            number = len(await ticks_of(operator, "b"))
            await begin_a_second()
            await until(fired(operator, "b", number + 1))

    async with running(*schedulers):
        for at_work in (False, True) * 5:
            number = len(await ticks_of(operator, "a"))
            await begin_a_second()
            if not at_work:  # else the pause comes while they look and fire
                await until(fired(operator, "a", number + 1))
            await operator.scheduler.pause("a")
            before = await ticks_of(operator, "a")
            await two_seconds_pass()
            assert await ticks_of(operator, "a") == before
            await operator.scheduler.resume("a")
        await operator.scheduler.remove("a")
        jobs = len(await operator.list_jobs(name="a"))
        await two_seconds_pass()
        assert len(await operator.list_jobs(name="a")) == jobs


async def test_a_scheduler_beside_a_worker(make_app: MakeApp) -> None:
    """One process fires and runs."""
    app = make_app()
    ran = asyncio.Event()

    @app.periodic(every=1, name="beat")
    async def beat() -> None:
        ran.set()

    stop = asyncio.Event()
    worker = asyncio.create_task(app.run_worker(with_scheduler=True, stop=stop))
    async with asyncio.timeout(20):
        await ran.wait()
        stop.set()
        report = await worker
    assert report.complete >= 1
