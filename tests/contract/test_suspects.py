"""Suspects: a job that the next crash would bury runs alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from soniq import JobContext, JobStatus, Soniq
from soniq.worker import claim as claiming
from tests.support.jobs import PATIENCE, job_of, run_all, until
from tests.support.process_jobs import pid
from tests.support.store import NOBODY

MakeApp = Callable[..., Soniq]


async def crash_twice(app: Soniq) -> None:
    """Let a worker that never was claim everything and be gone, two times."""
    for _ in range(2):
        await app.backend.jobs.claim(None, limit=100, worker=NOBODY)
        await app.backend.jobs.rescue(max_crashes=3)


async def test_a_suspect_runs_alone(make_app: MakeApp) -> None:
    """Two suspects among others: nothing runs beside either of them."""
    app = make_app()
    running: list[int] = []
    beside: dict[int, set[int]] = {}

    @app.job(name="suspects.run")
    async def run(number: int) -> None:
        running.append(number)
        for one in running:
            beside.setdefault(one, set()).update(running)
        await asyncio.sleep(0.01)
        running.remove(number)

    suspects = [await app.enqueue(run, number=number) for number in (0, 1)]
    await crash_twice(app)
    others = [await app.enqueue(run, number=number) for number in range(2, 20)]
    report = await run_all(app, concurrency=10)
    assert report.complete == 20
    assert (beside[0], beside[1]) == ({0}, {1})
    assert any(len(beside[number]) > 1 for number in range(2, 20))
    for job_id in (*suspects, *others):
        assert (await job_of(app, job_id)).status is JobStatus.DONE


async def test_a_suspect_is_alone_until_its_end_is_durable(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started before: a crash then would be taken for that of the one that has run."""
    app = make_app()
    steps: list[str] = []
    both_begun = asyncio.Event()
    settle = app.backend.jobs.settle

    async def settle_late(settlements: Any, *, worker: str) -> set[str]:
        with suppress(TimeoutError):
            await asyncio.wait_for(both_begun.wait(), 0.2)
        owned = await settle(settlements, worker=worker)
        steps.extend("durable" for _ in owned)
        return owned

    @app.job(name="suspects.step")
    async def step() -> None:
        steps.append("begun")
        if steps.count("begun") == 2:
            both_begun.set()

    monkeypatch.setattr(app.backend.jobs, "settle", settle_late)
    for _ in range(2):
        await app.enqueue(step)
    await crash_twice(app)
    assert (await run_all(app, concurrency=5)).complete == 2
    assert steps == ["begun", "durable"] * 2


async def test_a_single_crash_makes_no_suspect(make_app: MakeApp) -> None:
    """After one crash of three a job runs beside others, as before."""
    app = make_app()
    together = asyncio.Barrier(5)

    @app.job(name="suspects.meet")
    async def meet(number: int) -> None:
        await together.wait()

    for number in range(5):
        await app.enqueue(meet, number=number)
    await app.backend.jobs.claim(None, limit=100, worker=NOBODY)
    await app.backend.jobs.rescue(max_crashes=3)
    assert (await run_all(app, concurrency=5)).complete == 5


async def test_suspects_in_processes_of_their_own_need_not_be_alone(make_app: MakeApp) -> None:
    """Their crash takes nobody along, so two of them run side by side."""
    app = make_app(process_pool_size=2)
    together = asyncio.Barrier(2)

    @app.middleware
    async def meet(ctx: JobContext, call_next: Callable[..., Awaitable[object]]) -> object:
        await together.wait()
        return await call_next(ctx)

    task = app.job(name="suspects.apart", executor="process")(pid)
    for _ in range(2):
        await app.enqueue(task)
    await crash_twice(app)
    assert (await run_all(app, concurrency=2)).complete == 2


async def test_a_suspect_waits_for_nobody_without_end(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others do not end it starts beside them, and keeps nobody waiting without end."""
    monkeypatch.setattr(claiming, "ALONE_SECONDS", 0.05)
    app = make_app()
    met: list[str] = []
    all_met = asyncio.Event()

    @app.job(name="suspects.endless")
    async def endless(name: str) -> None:
        met.append(name)
        if len(met) == 3:
            all_met.set()
        await all_met.wait()

    stop = asyncio.Event()
    async with asyncio.timeout(PATIENCE):
        await app.enqueue(endless, name="suspect", scheduled_at=None)
        await crash_twice(app)
        await app.enqueue(endless, name="before", priority=1)
        worker = asyncio.create_task(app.run_worker(concurrency=5, stop=stop))
        await until(lambda: has(met, 2))
        await app.enqueue(endless, name="after")
        await until(lambda: has(met, 3))
        stop.set()
        assert (await worker).complete == 3
    assert set(met) == {"suspect", "before", "after"}


async def test_a_stop_gives_suspects_back(make_app: MakeApp) -> None:
    """A suspect that waits to be alone when the worker stops is queued as it was."""
    app = make_app()
    begun, stop = asyncio.Event(), asyncio.Event()

    @app.job(name="suspects.slow")
    async def slow(ctx: JobContext) -> None:
        begun.set()
        await stop.wait()
        await asyncio.sleep(0.05)

    suspects = [await app.enqueue(slow) for _ in range(3)]
    await crash_twice(app)
    await app.enqueue(slow, priority=1)
    async with asyncio.timeout(PATIENCE):
        worker = asyncio.create_task(app.run_worker(concurrency=5, stop=stop))
        await begun.wait()
        stop.set()
        assert (await worker).complete == 1
    for job_id in suspects:
        job = await job_of(app, job_id)
        assert (job.status, job.attempts, job.crashes) == (JobStatus.QUEUED, 2, 2)


async def has(met: list[str], number: int) -> bool:
    """Tell whether so many have met."""
    return len(met) >= number
