"""How a worker lives and ends: leases, drain, hand-back, a database that goes away."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from soniq import JobContext, JobStatus, Soniq
from soniq.backends.worker_contract import WorkerIdentity
from soniq.errors import DatabaseUnreachable
from soniq.outcome import Settlement
from soniq.worker.worker import Crew
from tests.support.jobs import job_of, run_all, until

MakeApp = Callable[..., Soniq]


def crew_of(app: Soniq, concurrency: int = 2) -> Crew:
    """Return a worker that the test can stop by hand."""
    return app._crew(concurrency, None)


async def test_stop_lets_running_jobs_finish_and_gives_the_others_back(make_app: MakeApp) -> None:
    """A drain ends what runs, returns what was not started, and claims nothing more."""
    app = make_app()
    started, finish = asyncio.Event(), asyncio.Event()

    @app.job()
    async def wait() -> str:
        started.set()
        await finish.wait()
        return "finished"

    ids = [await app.enqueue(wait) for _ in range(5)]
    crew = crew_of(app, concurrency=1)
    run = asyncio.create_task(crew.run())
    await started.wait()
    crew.shutdown.request()
    finish.set()
    report = await run

    jobs = [await job_of(app, job_id) for job_id in ids]
    assert report.complete == 1
    assert jobs[0].result == "finished"
    assert {job.status for job in jobs[1:]} == {JobStatus.QUEUED}
    assert {job.attempts for job in jobs[1:]} == {0}
    assert await app.list_workers() == []


async def test_drain_that_takes_too_long_hands_the_job_back(make_app: MakeApp) -> None:
    """After shutdown_timeout the handler is cancelled and its job queued, attempt unspent."""
    app = make_app(shutdown_timeout=0.05)
    started = asyncio.Event()
    cancelled: list[bool] = []

    @app.job()
    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    job_id = await app.enqueue(wait)
    crew = crew_of(app)
    run = asyncio.create_task(crew.run())
    await started.wait()
    crew.shutdown.request()
    report = await run
    job = await job_of(app, job_id)
    assert cancelled == [True]
    assert (report.release, report.abandoned) == (1, 0)
    assert (job.status, job.attempts, job.worker_id) == (JobStatus.QUEUED, 0, None)


async def test_second_request_does_not_wait_for_the_drain(make_app: MakeApp) -> None:
    """Asked twice, the worker hands back at once, long before shutdown_timeout."""
    app = make_app(shutdown_timeout=60)
    started = asyncio.Event()

    @app.job()
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    job_id = await app.enqueue(wait)
    crew = crew_of(app)
    run = asyncio.create_task(crew.run())
    await started.wait()
    crew.shutdown.request()
    crew.shutdown.request()
    async with asyncio.timeout(2):
        await run
    job = await job_of(app, job_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


async def test_handler_that_swallows_its_cancellation_cannot_hold_the_worker(
    make_app: MakeApp,
) -> None:
    """A job that will not stop is abandoned: still PROCESSING, for the lease to decide."""
    app = make_app(shutdown_timeout=0)
    started, release = asyncio.Event(), asyncio.Event()

    @app.job()
    async def stubborn() -> None:
        started.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    job_id = await app.enqueue(stubborn)
    crew = crew_of(app)
    run = asyncio.create_task(crew.run())
    await started.wait()
    crew.shutdown.request()
    async with asyncio.timeout(5):
        report = await run
    release.set()
    assert report.abandoned == 1
    assert (await job_of(app, job_id)).status is JobStatus.PROCESSING
    assert [worker.id for worker in await app.list_workers()] == [report.worker_id]


async def test_cancelling_the_worker_hands_jobs_back(make_app: MakeApp) -> None:
    """A host program that cancels run_worker() loses nothing."""
    app = make_app()
    started = asyncio.Event()

    @app.job()
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    job_id = await app.enqueue(wait)
    run = asyncio.create_task(app.run_worker())
    await started.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    job = await job_of(app, job_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


async def test_cancelled_twice_the_worker_still_ends_in_order(make_app: MakeApp) -> None:
    """A cancellation while it stops makes it hurry: it leaves no thread, no lease and no claim."""
    app = make_app(shutdown_timeout=3600)
    started = asyncio.Event()

    @app.job(name="long.run")
    async def long() -> None:
        started.set()
        await asyncio.Event().wait()

    job_id = await app.enqueue(long)
    stop = asyncio.Event()
    run = asyncio.create_task(app.run_worker(stop=stop))
    await started.wait()
    stop.set()

    async def stopping() -> bool:
        return "soniq claim" not in {task.get_name() for task in asyncio.all_tasks()}

    await until(stopping)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert (await job_of(app, job_id)).status is JobStatus.QUEUED
    assert await app.backend.workers.find() == []


async def test_lease_is_renewed_during_the_drain(make_app: MakeApp) -> None:
    """A worker that drains for several leases keeps its jobs: nobody may rescue them."""
    app = make_app(heartbeat_interval=0.05, heartbeat_timeout=0.3, shutdown_timeout=30)
    started, finish = asyncio.Event(), asyncio.Event()

    @app.job()
    async def long() -> None:
        started.set()
        await finish.wait()

    job_id = await app.enqueue(long)
    crew = crew_of(app)
    run = asyncio.create_task(crew.run())
    await started.wait()
    first = (await app.list_workers())[0]
    crew.shutdown.request()

    async def renewed_past_the_first_lease() -> bool:
        assert await app.backend.jobs.rescue(max_crashes=3) == []
        return (await app.list_workers())[0].renewed_at > first.expires_at

    await until(renewed_past_the_first_lease)
    finish.set()
    report = await run
    assert (report.complete, report.lost) == (1, 0)
    assert (await job_of(app, job_id)).attempts == 1


async def test_blocked_event_loop_does_not_look_dead(make_app: MakeApp) -> None:
    """A handler that blocks the loop for several leases is not rescued from its worker."""
    app = make_app(heartbeat_interval=0.05, heartbeat_timeout=0.3)

    @app.job()
    async def block() -> list[str]:
        # The loop is blocked; another thread looks at the world with a handle of its own.
        found: list[str] = []

        async def look() -> None:
            other = app.backend.sibling()
            await other.open()
            first = (await other.workers.find())[0]

            async def renewed() -> bool:
                found.extend(row.job_id for row in await other.jobs.rescue(max_crashes=3))
                return (await other.workers.find())[0].renewed_at > first.expires_at

            await until(renewed)
            await other.close()

        thread = threading.Thread(target=lambda: asyncio.run(look()))
        thread.start()
        thread.join()
        return found

    job_id = await app.enqueue(block)
    report = await run_all(app)
    assert (report.complete, report.lost) == (1, 0)
    assert await app.get_result(job_id) == []


async def test_same_host_and_pid_twice_is_no_matter(make_app: MakeApp) -> None:
    """Two starts with the same host name and pid are two workers (containers reuse pid 1)."""
    app = make_app()
    first, second = crew_of(app), crew_of(app)
    assert first.identity.pid == second.identity.pid
    assert first.identity.id != second.identity.id
    runs = [asyncio.create_task(crew.run()) for crew in (first, second)]

    async def both_registered() -> bool:
        return len(await app.list_workers()) == 2

    await until(both_registered)
    for crew in (first, second):
        crew.shutdown.request()
    await asyncio.gather(*runs)
    assert await app.list_workers() == []


async def test_jobs_of_a_dead_worker_are_run_by_the_next(app: Soniq) -> None:
    """When the lease of a worker has run out, another one takes its job over, attempt spent."""
    attempts: list[int] = []

    @app.job()
    async def work(ctx: JobContext) -> None:
        attempts.append(ctx.attempt)

    job_id = await app.enqueue(work)
    dead = WorkerIdentity(str(app.clock.new_id()), "gone", 1, None, 1, ())
    await app.backend.workers.register(dead, lease=30)
    await app.backend.jobs.claim(None, limit=1, worker=dead.id)
    await run_all(app)
    assert attempts == []
    app.clock.advance(seconds=31)  # type: ignore[attr-defined]  # the tests' clock
    await run_all(app)
    assert attempts == [2]
    assert (await job_of(app, job_id)).crashes == 1


class Flaky:
    """A job store whose ``settle`` fails a few times, as if the database were away."""

    def __init__(self, store: Any, failures: int) -> None:
        self._store = store
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        """Pass everything else on."""
        return getattr(self._store, name)

    async def settle(self, settlements: Sequence[Settlement], *, worker: str) -> set[str]:
        """Fail, then do it."""
        if self.failures:
            self.failures -= 1
            message = "away"
            raise DatabaseUnreachable(message)
        return await self._store.settle(settlements, worker=worker)  # type: ignore[no-any-return]


async def test_outcome_waits_for_the_database(app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away exactly when a handler returns costs nothing but time."""
    runs: list[int] = []

    @app.job()
    async def work() -> int:
        runs.append(1)
        return 7

    monkeypatch.setattr(app.backend, "jobs", Flaky(app.backend.jobs, failures=2))
    job_id = await app.enqueue(work)
    report = await run_all(app)
    assert (report.complete, runs) == (1, [1])
    assert await app.get_result(job_id) == 7


async def test_outcome_of_a_stale_attempt_is_refused(make_app: MakeApp) -> None:
    """A worker that was given up while it worked can't write over its successor's run."""
    app = make_app()
    started, finish = asyncio.Event(), asyncio.Event()

    @app.job()
    async def work(ctx: JobContext) -> str:
        if ctx.attempt == 1:
            started.set()
            await finish.wait()
            raise ValueError("zombie")
        return "successor"

    job_id = await app.enqueue(work)
    crew = crew_of(app, concurrency=1)  # with its one slot taken, it can't claim the job again
    run = asyncio.create_task(crew.run())
    await started.wait()
    await app.backend.workers.leave(crew.identity.id)

    async def rescued() -> bool:
        # By this call or by the crew's own pass, whichever comes first.
        await app.backend.jobs.rescue(max_crashes=3)
        return (await job_of(app, job_id)).status is JobStatus.QUEUED

    await until(rescued)
    # Registered, or the crew's own rescue would take its job, and the freed crew run it.
    successor = WorkerIdentity(str(app.clock.new_id()), "next", 1, None, 1, ())
    await app.backend.workers.register(successor, lease=60)
    (claimed,) = await app.backend.jobs.claim(None, limit=1, worker=successor.id)
    finish.set()

    async def zombie_ended() -> bool:
        return crew._settler.tally["lost"] == 1

    await until(zombie_ended)
    job = await job_of(app, job_id)
    assert (job.status, job.worker_id, job.attempts) == (JobStatus.PROCESSING, successor.id, 2)
    assert claimed.attempt == 2
    crew.shutdown.request()
    assert (await run).lost == 1


async def test_retry_is_not_left_to_the_next_poll(make_app: MakeApp) -> None:
    """A worker that would not poll for an hour runs a failed job again when it is due."""
    app = make_app(poll_interval=3600)

    @app.job(retry_delay=[0, 0.05])
    async def third_time_lucky(ctx: JobContext) -> int:
        if ctx.attempt < 3:
            raise ValueError
        return ctx.attempt

    job_id = await app.enqueue(third_time_lucky)
    stop = asyncio.Event()
    run = asyncio.create_task(app.run_worker(stop=stop))
    assert (await app.wait_for(job_id, timeout=10)).result == 3
    stop.set()
    assert (await run).retry == 2


async def test_two_apps_share_nothing(make_app: MakeApp) -> None:
    """Tasks, hooks and settings of one app are unknown to another in the same process."""
    one, two = make_app(max_retries=1), make_app(max_retries=7)
    heard: list[str] = []
    one.before_job(lambda ctx: heard.append(ctx.job_name))

    @one.job(name="same.name")
    async def first() -> str:
        return "one"

    @two.job(name="same.name")
    async def second() -> str:
        return "two"

    id_two = await two.enqueue(second)
    assert (await job_of(two, id_two)).max_attempts == 8
    await run_all(two)
    assert await two.get_result(id_two) == "two"
    assert heard == []
    assert first.settings.max_attempts == 2
