"""How a worker inside a program ends: signals, limits, a stop before the start."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from soniq import JobContext, JobStatus, Soniq
from soniq.errors import DatabaseUnreachable, InvalidOption
from soniq.events import WorkerStarted
from soniq.worker.shutdown import SIGNALS, Shutdown, Step
from tests.support.jobs import job_of, until

MakeApp = Callable[..., Soniq]


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Signals that the program has handled itself, as it would without any worker."""
    numbers: list[int] = []
    former = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        signal.signal(number, lambda got, _: numbers.append(got))
    yield numbers
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
async def test_signals_are_the_programs_own(
    app: Soniq, heard: list[int], number: signal.Signals
) -> None:
    """Unless it is told otherwise, an embedded worker neither sees a signal nor ends by it."""
    before = [signal.getsignal(each) for each in SIGNALS]
    started, stop = asyncio.Event(), asyncio.Event()
    app.events.on(WorkerStarted, lambda _: started.set())
    run = asyncio.create_task(app.run_worker(stop=stop))
    await started.wait()
    os.kill(os.getpid(), number)
    assert heard == [number]
    assert not run.done()
    assert [signal.getsignal(each) for each in SIGNALS] == before
    stop.set()
    await run
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
async def test_signals_are_the_workers_for_its_life(
    app: Soniq, heard: list[int], number: signal.Signals
) -> None:
    """With handle_signals a signal ends it, and then the program's handlers are back."""
    before = [signal.getsignal(each) for each in SIGNALS]
    started = asyncio.Event()
    app.events.on(WorkerStarted, lambda _: started.set())
    run = asyncio.create_task(app.run_worker(handle_signals=True))
    await started.wait()
    os.kill(os.getpid(), number)
    assert (await run).reason == "stopped"
    assert heard == []
    assert [signal.getsignal(each) for each in SIGNALS] == before
    os.kill(os.getpid(), number)
    assert heard == [number]


async def test_handlers_of_the_programs_event_loop_come_back(app: Soniq) -> None:
    """Also those that it has set by ``loop.add_signal_handler``."""
    loop, called = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, called.set)
    try:
        await app.run_worker(run_once=True, handle_signals=True)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await called.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


@pytest.mark.parametrize("early", [True, False], ids=["before the call", "while it opens"])
async def test_stop_before_the_start(
    app: Soniq, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """A worker that is stopped before it is registered ends at once, and leaves no row behind."""
    opening = asyncio.Event()
    shutdown = Shutdown()

    async def never_ready() -> None:
        opening.set()
        await asyncio.Event().wait()

    crew = app._crew(1, None, shutdown=shutdown)
    monkeypatch.setattr(crew, "_ready", never_ready)
    if early:
        shutdown.request_soon()
    run = asyncio.create_task(crew.run())
    if not early:
        await opening.wait()
        shutdown.request()
    async with asyncio.timeout(5):
        report = await run
    assert (report.abandoned, report.reason) == (0, "stopped")
    assert await app.list_workers() == []


async def test_worker_that_cannot_register_leaves_nothing_running(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What went wrong is raised; neither its thread nor its tasks stay."""

    async def refuse() -> None:
        raise DatabaseUnreachable("away")

    crew = app._crew(1, None)
    monkeypatch.setattr(crew, "_ready", refuse)
    with pytest.raises(DatabaseUnreachable, match="away"):
        await crew.run()


async def test_steps_of_a_stop_never_go_back() -> None:
    """A named step is taken once, however often it is asked for; nameless requests go on."""
    told: list[Step] = []
    shutdown = Shutdown(told.append)
    for _ in range(3):
        shutdown.request(Step.DRAIN)
    assert (shutdown.draining.is_set(), shutdown.abandoning.is_set()) == (True, False)
    for _ in range(3):
        shutdown.request()
    shutdown.request(Step.DRAIN)
    assert shutdown.abandoning.is_set()
    assert told == [Step.DRAIN, Step.ABANDON]


async def test_worker_ends_after_so_many_jobs(make_app: MakeApp) -> None:
    """What it had claimed beyond goes back unspent, and the report says why it ended."""
    app = make_app()

    @app.job()
    async def work() -> None: ...

    ids = [await app.enqueue(work) for _ in range(30)]
    async with asyncio.timeout(20):
        report = await app.run_worker(concurrency=2, max_jobs=5)
    assert report.reason == "max_jobs"
    assert 5 <= report.complete <= 6
    jobs = [await job_of(app, job_id) for job_id in ids]
    waiting = [job for job in jobs if job.status is JobStatus.QUEUED]
    assert len(waiting) == 30 - report.complete
    assert {job.attempts for job in waiting} == {0}


async def test_worker_ends_when_it_holds_too_much(make_app: MakeApp) -> None:
    """Any process holds more than one MiB, so it is the first job that ends it."""
    app = make_app()

    @app.job()
    async def work() -> None: ...

    await app.enqueue(work)
    async with asyncio.timeout(20):
        report = await app.run_worker(concurrency=1, max_rss=1)
    assert (report.reason, report.complete) == ("max_rss", 1)


async def test_worker_that_runs_dry_says_so(app: Soniq) -> None:
    """Nothing is due: that is why it ended."""
    assert (await app.run_worker(run_once=True)).reason == "dry"


@pytest.mark.parametrize("limit", ["max_jobs", "max_rss"])
async def test_limits_are_checked(app: Soniq, limit: str) -> None:
    """A number that can be no limit is refused before anything is started."""
    options: dict[str, Any] = {limit: 0}
    with pytest.raises(InvalidOption, match=limit):
        await app.run_worker(**options)


async def takes_over(app: Soniq, worker: str) -> bool:
    """Rescue what dead workers held, and tell whether there was a job to claim for this one."""
    await app.backend.jobs.rescue(max_crashes=100)
    return bool(await app.backend.jobs.claim(None, limit=1, worker=worker))


async def test_fifty_starts_with_pid_1_on_one_host(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers reuse host name and pid: each start is another worker, and jobs move on."""
    app = make_app(heartbeat_interval=0.05, heartbeat_timeout=0.2, max_crashes=100)
    monkeypatch.setattr("soniq.worker.identity.os.getpid", lambda: 1)
    monkeypatch.setattr("soniq.worker.identity.socket.gethostname", lambda: "container")

    @app.job(retries=100)
    async def work(ctx: JobContext) -> int:
        return ctx.attempt

    job_id = await app.enqueue(work)
    for _ in range(49):
        # Registered, claimed, and dead without a word.
        identity = app._crew(1, None).identity
        await app.backend.workers.register(identity, lease=0.001)
        await until(partial(takes_over, app, identity.id))
        assert identity.pid == 1
    stop = asyncio.Event()
    run = asyncio.create_task(app.run_worker(stop=stop))
    done = await app.wait_for(job_id, timeout=20)
    stop.set()
    report = await run
    assert (done.result, done.crashes, report.lost) == (50, 49, 0)
