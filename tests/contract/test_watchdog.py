"""A job that blocks the event loop is named, once, with the place in its code."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import pytest

from soniq import Soniq
from soniq.events import LoopBlocked
from tests.support.jobs import run_all

MakeApp = Callable[..., Soniq]
WORKER = "soniq.worker"


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the worker has warned of."""
    return [r.getMessage() for r in caplog.records if r.name == WORKER]


async def test_a_blocking_job_is_named_once(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """With id, name and stack while it blocks; with the seconds, also as an event, afterwards."""
    app = make_app()
    heard: list[LoopBlocked] = []
    app.events.on(LoopBlocked, heard.append)
    beside = asyncio.Event()

    @app.job(name="block.it")
    async def block() -> None:
        await beside.wait()
        deadline = time.monotonic() + 20
        while not any("has not turned" in text for text in warnings_of(caplog)):
            assert time.monotonic() < deadline
            time.sleep(0.05)  # noqa: ASYNC251 - on purpose
        time.sleep(0.3)  # noqa: ASYNC251 - a second warning would have its chance

    @app.job(name="wait.beside")
    async def innocent() -> None:
        beside.set()
        await asyncio.sleep(0.01)

    with caplog.at_level(logging.WARNING, WORKER):
        job_id = await app.enqueue(block)
        await app.enqueue(innocent)
        await run_all(app)
    during, after = warnings_of(caplog)
    assert f"Blocked by job block.it ({job_id})" in during
    assert "in block\n" in during
    assert "turns again after" in after
    [event] = heard
    assert (event.job_id, event.job_name) == (job_id, "block.it")
    assert event.seconds > 1
    assert "in block\n" in event.stack


async def test_a_task_that_the_handler_started_leads_to_all_jobs_of_the_loop(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it can't be told which one it is, the running ones are named, not those in threads."""
    app = make_app()
    blocked = threading.Event()

    @app.job(name="spawn.it")
    async def spawn() -> None:
        async def child() -> None:
            blocked.wait(20)

        await asyncio.create_task(child())

    @app.job(name="in.thread")
    def in_thread() -> None:
        deadline = time.monotonic() + 20
        while not warnings_of(caplog) and time.monotonic() < deadline:
            time.sleep(0.05)
        blocked.set()

    with caplog.at_level(logging.WARNING, WORKER):
        await app.enqueue(in_thread)
        job_id = await app.enqueue(spawn)
        await run_all(app)
    assert f"spawn.it ({job_id})" in warnings_of(caplog)[0]
    assert "in.thread" not in warnings_of(caplog)[0]
    assert "in child\n" in warnings_of(caplog)[0]


async def test_jobs_that_await_are_not_complained_of(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler that runs for longer than a second without blocking is nobody's business."""
    app = make_app()

    @app.job()
    async def patient() -> None:
        await asyncio.sleep(1.5)

    @app.job()
    def in_thread() -> None:
        time.sleep(1.5)

    with caplog.at_level(logging.WARNING, WORKER):
        await app.enqueue(patient)
        await app.enqueue(in_thread)
        await run_all(app)
    assert warnings_of(caplog) == []
