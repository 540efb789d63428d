"""What workers tell of themselves with each heartbeat, and what they are asked to do by it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from soniq import JobStatus, Soniq, __version__
from soniq.backends.contract import Backend
from soniq.backends.worker_contract import Renewal, Vitals
from soniq.errors import WorkerNotFound
from soniq.job import ClaimedJob, Worker
from soniq.worker.worker import Crew, WorkerReport
from tests.support import FrozenClock
from tests.support.jobs import job_of, until
from tests.support.store import NOBODY, OTHER, WORKER, insert, new_job, register

MakeApp = Callable[..., Soniq]

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


async def test_who_is_asked_to_claim_no_more_serves_nothing(
    backend: Backend, clock: FrozenClock
) -> None:
    """Its queues have nobody, unless another worker serves them: that is worth an alarm."""
    await register(backend, WORKER, lease=99)
    await insert(backend, new_job(clock, queue="mail"))
    clock.advance(seconds=60)
    assert await backend.stats.unserved(grace=10) == {}
    for wish, unserved in (("quiet", {"mail": 60.0}), (None, {}), ("stop", {"mail": 60.0})):
        await backend.workers.ask(WORKER, wish)
        assert await backend.stats.unserved(grace=10) == unserved
    await register(backend, OTHER, lease=99)
    assert await backend.stats.unserved(grace=10) == {}


# --- the service ----------------------------------------------------------------------------------


async def test_asking_for_a_worker_that_is_not_there(app: Soniq) -> None:
    """Whoever asks is told, with where to look."""
    for ask in (app.workers.quiet, app.workers.resume, app.workers.stop):
        with pytest.raises(WorkerNotFound, match=r"app\.workers\.list"):
            await ask(NOBODY)


# --- workers --------------------------------------------------------------------------------------


@asynccontextmanager
async def at_work(
    app: Soniq, concurrency: int = 1
) -> AsyncGenerator[tuple[Crew, asyncio.Task[WorkerReport]]]:
    """Run a worker beside the test, and end it afterwards where it has not ended."""
    crew = app._crew(concurrency, None)
    run = asyncio.create_task(crew.run())
    try:
        await until(lambda: here(app, crew))
        yield crew, run
    finally:
        crew.shutdown.request()
        await run


async def here(app: Soniq, crew: Crew) -> bool:
    """Tell whether the worker has a row."""
    return crew.identity.id in [row.id for row in await app.workers.list()]


async def row_of(app: Soniq, crew: Crew) -> Worker:
    """Return the worker's row, which must be there."""
    [row] = [row for row in await app.workers.list() if row.id == crew.identity.id]
    return row


async def is_quiet(crew: Crew) -> bool:
    """Tell whether it has heard that it is to be quiet."""
    return not crew._wishes.to_claim.is_set()


async def test_a_quiet_worker_leaves_jobs_to_others(make_app: MakeApp) -> None:
    """However many it could run and whatever wakes it; asked to go on, it claims again."""
    quick = {"heartbeat_interval": 0.05}
    one, two = make_app(**quick), make_app(**quick)

    async def work() -> None: ...

    for app in (one, two):
        app.job(name="work")(work)
    async with at_work(one) as (quiet, _):
        await one.workers.quiet(quiet.identity.id)
        await until(lambda: is_quiet(quiet))
        assert (await row_of(one, quiet)).wish == "quiet"
        left = await one.enqueue("work")
        async with at_work(two) as (other, _):
            ids = [left, *[await one.enqueue("work") for _ in range(5)]]
            jobs = [await one.wait_for(job_id, timeout=20) for job_id in ids]
            assert {job.worker_id for job in jobs} == {other.identity.id}
        job_id = await one.enqueue("work")
        await one.workers.resume(quiet.identity.id)
        assert (await one.wait_for(job_id, timeout=20)).worker_id == quiet.identity.id


async def test_a_claim_under_way_when_a_worker_becomes_quiet_brings_nothing(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs go back as they came, whether there are free slots or none."""
    app = make_app(heartbeat_interval=0.05)
    app.job(name="work")(asyncio.Event().wait)
    claim = type(app.backend.jobs).claim

    async def claim_and_become_quiet(*args: Any, **options: Any) -> list[ClaimedJob]:
        if jobs := await claim(*args, **options):
            await app.workers.quiet(crew.identity.id)
            await until(lambda: is_quiet(crew))
        return jobs

    async def given_back() -> bool:
        return await is_quiet(crew) and (await job_of(app, job_id)).status is JobStatus.QUEUED

    monkeypatch.setattr(type(app.backend.jobs), "claim", claim_and_become_quiet)
    async with at_work(app, concurrency=2) as (crew, _):
        job_id = await app.enqueue("work")
        await until(given_back)
        assert (await job_of(app, job_id)).attempts == 0


async def test_a_quiet_worker_ends_what_runs_and_gives_the_rest_back(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had claimed ahead is not held by a job that takes long."""
    monkeypatch.setattr("soniq.worker.inflight.STALE_SECONDS", 60)  # nothing else gives it back
    app = make_app(heartbeat_interval=0.05)
    running, finish = asyncio.Event(), asyncio.Event()

    @app.job(name="work")
    async def work(*, long: bool) -> None:
        if long:
            running.set()
            await finish.wait()

    async def held(most: int) -> bool:
        return len(await app.list_jobs(status="processing")) <= most

    await app.enqueue_many("work", [{"long": n == 150} for n in range(300)])
    async with at_work(app) as (crew, _):
        await running.wait()
        assert not await held(1)  # it has been quick so far, so it has claimed ahead
        await app.workers.quiet(crew.identity.id)
        await until(lambda: held(1), patience=5)  # with its heartbeat, not with its next claim
        assert await is_quiet(crew)
        finish.set()
        await until(lambda: held(0))
        counts = (await app.get_queue_stats())["default"]
        assert (counts["done"], counts["queued"]) == (151, 149)
        assert {job.attempts for job in await app.list_jobs(status="queued")} == {0}


async def test_stopping_a_worker_drains_it(make_app: MakeApp) -> None:
    """As SIGTERM does; its report says that it was asked. A second wish changes nothing."""
    app = make_app(heartbeat_interval=0.05)
    running, finish = asyncio.Event(), asyncio.Event()

    @app.job()
    async def work() -> None:
        running.set()
        await finish.wait()

    ids = [await app.enqueue(work) for _ in range(2)]
    async with at_work(app) as (crew, run):
        await running.wait()
        await app.workers.stop(crew.identity.id)
        await crew.shutdown.draining.wait()
        await app.workers.resume(crew.identity.id)
        finish.set()
        report = await run
    assert (report.complete, report.abandoned, report.reason) == (1, 0, "asked")
    assert [(await job_of(app, job_id)).status for job_id in ids] == [
        JobStatus.DONE,
        JobStatus.QUEUED,
    ]
    assert await app.workers.list() == []


async def test_a_quiet_worker_can_be_stopped(make_app: MakeApp) -> None:
    """It needs not be asked to go on before."""
    app = make_app(heartbeat_interval=0.05)
    async with at_work(app) as (crew, run):
        await app.workers.quiet(crew.identity.id)
        await until(lambda: is_quiet(crew))
        await app.workers.stop(crew.identity.id)
        assert (await run).reason == "asked"


async def test_a_worker_that_was_given_up_is_still_quiet(make_app: MakeApp) -> None:
    """It registers anew when it is back, and nobody has to ask again."""
    app = make_app(heartbeat_interval=0.05)

    async def asked() -> bool:
        return await here(app, crew) and (await row_of(app, crew)).wish == "quiet"

    async with at_work(app) as (crew, _):
        await app.workers.quiet(crew.identity.id)
        await until(lambda: is_quiet(crew))
        await app.backend.workers.leave(crew.identity.id)
        await until(asked)
        assert await is_quiet(crew)


async def test_a_worker_tells_how_it_does(make_app: MakeApp) -> None:
    """Its version from the start; jobs, memory and the lag of its loop with each renewal."""
    app = make_app(heartbeat_interval=0.05)
    running, finish = asyncio.Event(), asyncio.Event()

    @app.job()
    async def work() -> None:
        time.sleep(0.5)  # noqa: ASYNC251 - on purpose: the loop is late by then
        running.set()
        await finish.wait()

    lags: list[float] = []

    async def late() -> bool:
        row = await row_of(app, crew)
        lags.append(row.loop_lag or 0.0)
        return row.running == 1 and max(lags) > 0.1

    async def idle() -> bool:
        row = await row_of(app, crew)
        return row.running == 0 and row.loop_lag is None

    async with at_work(app) as (crew, _):
        assert (await row_of(app, crew)).version == __version__
        await app.enqueue(work)
        await running.wait()
        await until(late)
        memory = (await row_of(app, crew)).memory_bytes
        finish.set()
        await until(idle)
    if sys.platform == "linux":
        assert memory is not None
        assert 10 * 2**20 < memory < 10 * 2**30
