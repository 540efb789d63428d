"""Plain functions past their timeout: nothing can stop them, so nothing starts them again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from soniq import JobStatus, Soniq
from soniq.worker.runners.thread import ThreadRunner
from tests.support.jobs import job_of, run_all, until

MakeApp = Callable[..., Soniq]
LEASE = 1.5
QUICK = {"heartbeat_interval": 0.2, "heartbeat_timeout": LEASE, "poll_interval": 0.05}


@dataclass(slots=True)
class Copies:
    """Counts how often a handler runs, and how many of it at once; it ends when it may."""

    may_end: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: int = 0
    most: int = 0
    runs: int = 0

    def overrun(self) -> None:
        """Run until allowed to end, whatever the timeout."""
        with self.lock:
            self.running += 1
            self.runs += 1
            self.most = max(self.most, self.running)
        self.may_end.wait(20)
        with self.lock:
            self.running -= 1


@asynccontextmanager
async def working(app: Soniq) -> AsyncIterator[None]:
    """Run a worker of the app beside."""
    stop = asyncio.Event()
    worker = asyncio.create_task(app.run_worker(stop=stop))
    try:
        yield
    finally:
        stop.set()
        await worker


async def test_an_overrunning_handler_keeps_its_lease(make_app: MakeApp) -> None:
    """Also when it runs for longer than a lease, no other worker rescues its job meanwhile."""
    copies = Copies()
    apps = make_app(**QUICK), make_app(**QUICK)
    for app in apps:
        app.job(name="over.run", timeout=0.05, retries=1, retry_delay=0)(copies.overrun)
    job_id = await apps[0].enqueue("over.run")

    async def a_lease_has_passed() -> bool:
        long_ago = timedelta(seconds=LEASE + 0.5)
        workers = await apps[0].list_workers()
        return copies.runs > 0 and all(
            worker.renewed_at - worker.started_at > long_ago for worker in workers
        )

    async def has_ended() -> bool:
        return (await job_of(apps[0], job_id)).status is JobStatus.DONE

    async with working(apps[0]), working(apps[1]):
        try:
            await until(a_lease_has_passed)
            assert copies.runs == 1
        finally:
            copies.may_end.set()
        await until(has_ended)
    job = await job_of(apps[0], job_id)
    assert (copies.runs, copies.most, job.attempts, job.crashes) == (2, 1, 2, 0)


@pytest.mark.parametrize("backend_kind", ["memory"])
async def test_without_waiting_for_the_thread_it_would_run_twice(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the timeout ends the attempt though the thread works on, copies run at once."""
    copies = Copies()

    async def forsake(_: ThreadRunner, future: asyncio.Future[Any], stop: threading.Event) -> Any:
        stop.set()
        return await asyncio.shield(future)

    monkeypatch.setattr(ThreadRunner, "_outlast", forsake)
    app = make_app()
    app.job(name="over.run", timeout=0.05, retries=2, retry_delay=0)(copies.overrun)
    await app.enqueue("over.run")
    await run_all(app)
    copies.may_end.set()
    assert (copies.runs, copies.most) == (3, 3)
