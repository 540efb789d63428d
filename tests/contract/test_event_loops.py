"""One app in several event loops, one after another: as scripts, tests and web views do it."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from soniq import Soniq
from soniq.backends.contract import Backend
from soniq.clock import Clock, SystemClock
from soniq.errors import ConfigurationError


@pytest.fixture
def lone_app(make_backend: Callable[[Clock], Backend]) -> Soniq:
    """Make an app outside of any event loop."""
    clock = SystemClock()
    app = Soniq(backend=make_backend(clock), clock=clock)

    @app.job(name="loop.work")
    async def work() -> str:
        return "done"

    return app


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the connections that nobody closed
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_app_serves_one_loop_after_another(lone_app: Soniq) -> None:
    """What one asyncio.run() has opened and not closed does not hinder the next."""

    async def enqueue() -> str:
        return await lone_app.enqueue("loop.work")

    async def run(job_id: str) -> object:
        await lone_app.run_worker(run_once=True)
        return await lone_app.get_result(job_id)

    async def end() -> None:
        await lone_app.ensure_initialized()
        await lone_app.close()

    job_id = asyncio.run(enqueue())
    assert asyncio.run(run(job_id)) == "done"
    asyncio.run(end())
    gc.collect()  # here, where the warnings of those connections are expected


def test_two_running_loops_are_told_apart(lone_app: Soniq) -> None:
    """While one loop still runs, another one is refused with the cure."""
    opened, checked = threading.Event(), threading.Event()

    async def hold() -> None:
        await lone_app.ensure_initialized()
        opened.set()
        await asyncio.to_thread(checked.wait)
        await lone_app.close()

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    opened.wait()
    with pytest.raises(ConfigurationError, match="one Soniq object per event loop"):
        asyncio.run(lone_app.enqueue("loop.work"))
    checked.set()
    holder.join()
