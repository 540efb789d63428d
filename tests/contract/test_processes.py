"""Handlers in processes of their own: they answer, they can be killed, and they crash alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from soniq import JobContext, JobStatus, Soniq
from soniq.errors import HandlerFailed, HandlerFailedForGood, PermanentFailure, WorkerCrashed
from soniq.worker.worker import Crew
from tests.support import process_jobs as jobs
from tests.support.jobs import dead_letter_of, job_of, run_all, until

MakeApp = Callable[..., Soniq]
NOW = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_processes_left() -> Any:
    """Fail a test that leaves a process behind, living or not yet reaped."""
    before = children()
    yield
    assert children() - before == set()


def children() -> set[int]:
    """Return the ids of this process's children; zombies count."""
    return {child.pid for child in psutil.Process().children()}


def open_files() -> int:
    """Return how many files, sockets among them, this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def noted(marker: Path) -> int:
    """Return the id of the process that a handler has written down."""

    async def written() -> bool:
        return marker.exists()

    await until(written)
    return int(marker.read_text())


@pytest.fixture
async def beside(make_app: MakeApp) -> AsyncIterator[Callable[[Soniq], Awaitable[Crew]]]:
    """Start workers that run beside the test, and stop them after it."""
    running: list[tuple[Crew, asyncio.Task[Any]]] = []

    async def start(app: Soniq) -> Crew:
        await app.ensure_initialized()
        crew = app._crew(4, None)
        running.append((crew, asyncio.create_task(crew.run())))
        return crew

    yield start
    for crew, task in running:
        crew.shutdown.request()
        crew.shutdown.request()
        await task


async def test_nothing_is_left_open(make_app: MakeApp) -> None:
    """A worker that has started, lost and killed processes closes every file of theirs."""
    app = make_app(max_crashes=1)
    quick, crash = (app.job(executor="process")(handler) for handler in (jobs.pid, jobs.end))
    await app.enqueue(quick)
    await run_all(app)
    before = open_files()
    for _ in range(3):
        await app.enqueue(quick)
        await app.enqueue(crash, code=1)
        await run_all(app, concurrency=1)
    assert open_files() == before


# --- what goes in and what comes back -------------------------------------------------------------


async def test_runs_elsewhere_and_is_used_again(app: Soniq) -> None:
    """The handler runs in another process, the same one for job after job."""
    task = app.job(executor="process")(jobs.pid)
    ids = [await app.enqueue(task) for _ in range(5)]
    report = await run_all(app, concurrency=1)
    pids = {await app.get_result(job_id) for job_id in ids}
    assert report.complete == 5
    assert len(pids) == 1
    assert os.getpid() not in pids


async def test_pool_size_bounds_the_processes(make_app: MakeApp) -> None:
    """Twenty jobs at a time share as many processes as there may be."""
    app = make_app(process_pool_size=2, concurrency=20)
    task = app.job(executor="process")(jobs.pid)
    ids = [await app.enqueue(task) for _ in range(40)]
    await run_all(app)
    assert len({await app.get_result(job_id) for job_id in ids}) == 2


async def test_arguments_arrive_in_their_types(app: Soniq) -> None:
    """Rich types are restored by the handler's annotations; the result is stored as JSON."""
    task = app.job(executor="process")(jobs.describe)
    order = jobs.Order(id=UUID(int=7), items=["tea", "ü\U0001f980"])
    job_id = await app.enqueue(
        task, at=NOW, order=order, numbers={3, 1}, wait=timedelta(seconds=1.5)
    )
    await run_all(app)
    assert await app.get_result(job_id) == {
        "types": ["datetime", "Order", "UUID", "set", "timedelta"],
        "values": [
            "2026-03-29T02:30:00.123456Z",
            {"id": str(UUID(int=7)), "items": ["tea", "ü\U0001f980"]},
            [1, 3],
            "PT1.5S",
        ],
    }


async def test_context_is_filled_in(app: Soniq) -> None:
    """A coroutine function there gets the facts that it would get here."""
    app.enqueue_middleware(lambda _: nullcontext({"tenant": "é"}))
    task = app.job(executor="process", retries=6)(jobs.of_context)
    job_id = await app.enqueue(task)
    report = await run_all(app)
    result = await app.get_result(job_id)
    job = await job_of(app, job_id)
    assert result.pop("pid") != os.getpid()
    assert datetime.fromisoformat(result.pop("created_at")) == job.created_at
    assert result == {
        "job_id": job_id,
        "attempt": 1,
        "max_attempts": 7,
        "worker_id": report.worker_id,
        "scheduled_at": None,
        "headers": {"tenant": "é"},
    }


async def test_long_texts_travel_both_ways(make_app: MakeApp) -> None:
    """Also those that no pipe takes in one piece."""
    app = make_app(max_args_bytes=10_000_000)
    count = app.job(executor="process")(jobs.length)
    write = app.job(executor="process")(jobs.long_result)
    sizes = (0, 1, 65_536, 400_000)
    counted = [await app.enqueue(count, text="ü" * size) for size in sizes]
    written = [await app.enqueue(write, size=size) for size in sizes]
    await run_all(app)
    for size, there, back in zip(sizes, counted, written, strict=True):
        assert await app.get_result(there) == size
        assert await app.get_result(back) == "ü" * size


async def test_result_without_json_form(app: Soniq) -> None:
    """The job is done all the same, and says why it has no result."""
    job_id = await app.enqueue(app.job(executor="process")(jobs.unstorable))
    await run_all(app)
    job = await job_of(app, job_id)
    assert (job.status, job.result) == (JobStatus.DONE, None)
    assert "object" in str(job.result_error)


async def test_hooks_and_middleware_see_the_result(app: Soniq) -> None:
    """They get its JSON, and a middleware may put something else in its place."""
    seen: list[Any] = []
    app.after_job(lambda _, result: seen.append(result))

    @app.middleware
    async def double(ctx: JobContext, call_next: Any) -> Any:
        length = await call_next(ctx)
        return length * 2 if length > 1 else length

    task = app.job(executor="process")(jobs.length)
    ids = [await app.enqueue(task, text=text) for text in ("a", "abc")]
    await run_all(app, concurrency=1)
    assert [await app.get_result(job_id) for job_id in ids] == [1, 6]
    assert seen == [1, 6]


async def test_snooze(app: Soniq) -> None:
    """A returned Snooze queues the job again, attempt unspent."""
    job_id = await app.enqueue(app.job(executor="process")(jobs.snooze), seconds=60)
    report = await run_all(app)
    job = await job_of(app, job_id)
    assert report.snooze == 1
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    assert job.scheduled_at == app.clock.now() + timedelta(seconds=60)


async def test_printing_disturbs_nothing(app: Soniq, capfd: pytest.CaptureFixture[str]) -> None:
    """What a handler prints goes where the worker prints, and is no answer."""
    job_id = await app.enqueue(app.job(executor="process")(jobs.talk), text="hello")
    await run_all(app)
    assert await app.get_result(job_id) == "printed"
    printed = capfd.readouterr()
    assert "hello\n" in printed.out
    assert "hello on stderr" in printed.err


async def test_programs_of_a_handler_can_be_terminated(app: Soniq) -> None:
    """That the process ignores SIGTERM is not passed on to what it starts."""
    job_id = await app.enqueue(app.job(executor="process")(jobs.start_program))
    await run_all(app)
    assert await app.get_result(job_id) == -signal.SIGTERM


async def test_a_forked_copy_does_not_answer(app: Soniq) -> None:
    """A copy that comes back from the handler as well ends there; its answer is nobody's."""
    task = app.job(executor="process")(jobs.fork_and_return)
    ids = [await app.enqueue(task) for _ in range(3)]
    await run_all(app, concurrency=1)
    pids = {await app.get_result(job_id) for job_id in ids}
    assert len(pids) == 1
    assert -1 not in pids


# --- failures -------------------------------------------------------------------------------------


async def test_failure_is_that_of_the_handler(app: Soniq) -> None:
    """last_error and last_traceback say what happened there; hooks get it as an error."""
    seen: list[BaseException] = []
    app.on_error(lambda _, error: seen.append(error))
    job_id = await app.enqueue(app.job(executor="process", retries=0)(jobs.fail), message="no tea")
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.reason, letter.last_error) == ("max_retries_exceeded", "Odd: no tea")
    assert "raise Odd(message)" in str(letter.last_traceback)
    [error] = seen
    assert isinstance(error, HandlerFailed)
    assert not isinstance(error, PermanentFailure)
    assert "raise Odd(message)" in "".join(error.__notes__)


async def test_failures_are_retried(app: Soniq) -> None:
    """Each attempt is one run, and the process stays the same."""
    job_id = await app.enqueue(app.job(executor="process", retries=2)(jobs.fail), message="x")
    report = await run_all(app)
    assert (report.retry, report.bury) == (2, 1)
    assert (await dead_letter_of(app, job_id)).attempts == 3


async def test_permanent_failure_stays_one(app: Soniq) -> None:
    """Also for a middleware that looks for it by its class."""
    seen: list[BaseException] = []

    @app.middleware
    async def look(ctx: JobContext, call_next: Any) -> Any:
        try:
            return await call_next(ctx)
        except PermanentFailure as error:
            seen.append(error)
            raise

    job_id = await app.enqueue(app.job(executor="process")(jobs.fail_for_good))
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert letter.reason == "permanent_failure"
    assert letter.last_error == "PermanentFailure: the customer was deleted"
    assert [type(error) for error in seen] == [HandlerFailedForGood]


async def test_sys_exit_is_a_failure_as_elsewhere(app: Soniq) -> None:
    """SystemExit does not end the process: it is what the handler has raised."""
    job_id = await app.enqueue(app.job(executor="process", retries=0)(jobs.leave), code=3)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.reason, letter.last_error) == ("max_retries_exceeded", "SystemExit: 3")


async def test_handler_that_cannot_be_found_again(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another function stands under its name, neither of them is run."""
    task = app.job(executor="process", retries=0)(jobs.pid_again)
    monkeypatch.setattr(jobs, "pid_again", jobs.pid)
    job_id = await app.enqueue(task)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert "can't be found again as tests.support.process_jobs.pid_again" in str(letter.last_error)


async def test_module_that_cannot_be_imported_there(
    app: Soniq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that fails in the process fails the job with its traceback, and nothing else."""
    module = tmp_path / "only_here.py"
    module.write_text("def work():\n    return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "only_here", raising=False)
    import only_here  # type: ignore[import-not-found]  # noqa: PLC0415 - it was written just now

    module.write_text("raise RuntimeError('not in this process')\n")
    bad = await app.enqueue(app.job(executor="process", retries=0)(only_here.work))
    good = await app.enqueue(app.job(executor="process")(jobs.pid))
    await run_all(app, concurrency=1)
    letter = await dead_letter_of(app, bad)
    assert letter.last_error == "RuntimeError: not in this process"
    assert "only_here.py" in str(letter.last_traceback)
    assert (await job_of(app, good)).status is JobStatus.DONE


# --- crashes --------------------------------------------------------------------------------------


CRASHES: list[tuple[Any, dict[str, int], str]] = [
    (jobs.end, {"code": 3}, "ended with exit code 3"),
    (jobs.be_killed, {"number": 11}, "was killed by SIGSEGV"),
    (jobs.be_killed, {"number": 9}, "SIGKILL (the system may have run out of memory)"),
]
NAMES = ["exit", "SIGSEGV", "SIGKILL"]


@pytest.mark.parametrize(("handler", "args", "cause"), CRASHES, ids=NAMES)
async def test_crash_costs_only_its_job(
    app: Soniq, handler: Any, args: dict[str, int], cause: str
) -> None:
    """Neighbours are unharmed; crashes are counted apart, and end in the dead letters."""
    bad = await app.enqueue(app.job(executor="process", retries=0)(handler), **args)
    good = app.job(executor="process", retries=0)(jobs.pid)
    ids = [await app.enqueue(good) for _ in range(20)]
    report = await run_all(app, concurrency=4)
    assert (report.complete, report.crash, report.bury) == (20, 2, 1)
    assert {(await job_of(app, job_id)).crashes for job_id in ids} == {0}
    letter = await dead_letter_of(app, bad)
    assert (letter.reason, letter.crashes) == ("worker_crashed", 3)
    assert letter.last_error is not None
    assert letter.last_error.startswith("WorkerCrashed: the process of this job ")
    assert letter.last_error.endswith(cause)
    assert letter.last_traceback is None


async def test_crash_never_costs_the_last_attempt(app: Soniq, tmp_path: Path) -> None:
    """With no retries at all, a job whose process died once is run again."""
    seen: list[BaseException] = []
    app.on_error(lambda _, error: seen.append(error))
    task = app.job(executor="process", retries=0)(jobs.end_once)
    job_id = await app.enqueue(task, marker=str(tmp_path / "marker"))
    report = await run_all(app)
    job = await job_of(app, job_id)
    assert (report.crash, job.status, job.result) == (1, JobStatus.DONE, "again")
    assert (job.attempts, job.crashes) == (1, 1)
    assert str(job.last_error).endswith("exit code 3")
    assert [type(error) for error in seen] == [WorkerCrashed]


async def test_max_crashes_of_one_is_final(make_app: MakeApp) -> None:
    """Who does not want a second run says so."""
    app = make_app(max_crashes=1)
    job_id = await app.enqueue(app.job(executor="process")(jobs.end), code=9)
    assert (await run_all(app)).bury == 1
    assert (await dead_letter_of(app, job_id)).crashes == 1


async def test_crash_is_noticed_although_the_pipe_stays_open(
    make_app: MakeApp, tmp_path: Path
) -> None:
    """A copy that the handler has forked holds the pipe; the end is noticed all the same."""
    app = make_app(max_crashes=1)
    marker = tmp_path / "copy"
    job_id = await app.enqueue(
        app.job(executor="process", timeout=0)(jobs.orphan_a_sleeper), marker=str(marker)
    )
    await run_all(app)
    os.kill(int(marker.read_text()), signal.SIGKILL)
    assert "SIGSEGV" in str((await dead_letter_of(app, job_id)).last_error)


async def test_idle_process_that_dies_harms_no_job(
    make_app: MakeApp, beside: Callable[[Soniq], Awaitable[Crew]]
) -> None:
    """The next job gets a fresh process, and no crash is counted."""
    app = make_app(process_pool_size=1)
    task = app.job(executor="process")(jobs.pid)
    await beside(app)
    first = await app.wait_for(await app.enqueue(task), timeout=20)
    os.kill(first.result, signal.SIGKILL)

    async def gone() -> bool:
        return not psutil.pid_exists(first.result)

    await until(gone)
    second = await app.wait_for(await app.enqueue(task), timeout=20)
    assert second.result != first.result
    assert second.crashes == 0


async def test_middleware_may_call_again_after_a_crash(app: Soniq, tmp_path: Path) -> None:
    """The second call gets a process that lives."""

    @app.middleware
    async def twice(ctx: JobContext, call_next: Any) -> Any:
        try:
            return await call_next(ctx)
        except WorkerCrashed:
            return await call_next(ctx)

    task = app.job(executor="process")(jobs.end_once)
    job_id = await app.enqueue(task, marker=str(tmp_path / "marker"))
    report = await run_all(app)
    assert (report.complete, report.crash) == (1, 0)
    assert await app.get_result(job_id) == "again"


# --- kills ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("handler", [jobs.hang, jobs.hang_async, jobs.hold_the_interpreter])
async def test_timeout_kills(app: Soniq, tmp_path: Path, handler: Any) -> None:
    """However stubborn: its process is gone, the job timed out, and the next one runs."""
    marker = tmp_path / "pid"
    job_id = await app.enqueue(
        app.job(executor="process", timeout=0.3, retries=0)(handler), marker=str(marker)
    )
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.reason, letter.crashes) == ("timeout", 0)
    assert str(letter.last_error).startswith("TimeoutError: the job ran longer than")
    assert not psutil.pid_exists(int(marker.read_text()))


async def test_start_of_a_process_is_not_the_jobs_time(make_app: MakeApp) -> None:
    """A timeout that is shorter than the start of an interpreter is long enough for a quick job."""
    app = make_app()
    task = app.job(executor="process", timeout=0.05, retries=5)(jobs.pid)
    job_id = await app.enqueue(task)
    await run_all(app)
    assert (await job_of(app, job_id)).status is JobStatus.DONE


async def test_cancel_kills(
    make_app: MakeApp, beside: Callable[[Soniq], Awaitable[Crew]], tmp_path: Path
) -> None:
    """An operator's cancellation ends the process, and the job is CANCELLED."""
    app = make_app()
    marker = tmp_path / "pid"
    await beside(app)
    job_id = await app.enqueue(app.job(executor="process")(jobs.hang), marker=str(marker))
    pid = await noted(marker)
    assert await app.cancel_job(job_id)
    assert (await app.wait_for(job_id, timeout=20)).status is JobStatus.CANCELLED
    assert not psutil.pid_exists(pid)


async def test_lost_claim_kills(
    make_app: MakeApp, beside: Callable[[Soniq], Awaitable[Crew]], tmp_path: Path
) -> None:
    """A worker that was given up stops the handler; what it says counts no more."""
    app = make_app(heartbeat_interval=60.0, heartbeat_timeout=120.0)
    marker = tmp_path / "pid"
    crew = await beside(app)
    job_id = await app.enqueue(app.job(executor="process")(jobs.hang), marker=str(marker))
    pid = await noted(marker)
    marker.unlink()
    await app.backend.workers.leave(crew.identity.id)

    async def rescued() -> bool:
        await app.backend.jobs.rescue(max_crashes=3)
        return (await job_of(app, job_id)).crashes == 1

    await until(rescued)

    async def gone() -> bool:
        return not psutil.pid_exists(pid)

    await until(gone)


async def test_shutdown_kills_and_hands_back(make_app: MakeApp, tmp_path: Path) -> None:
    """After shutdown_timeout the process is gone and its job queued, attempt and crash unspent."""
    app = make_app(shutdown_timeout=0.05)
    marker = tmp_path / "pid"
    job_id = await app.enqueue(app.job(executor="process")(jobs.hang), marker=str(marker))
    crew = app._crew(2, None)
    run = asyncio.create_task(crew.run())
    pid = await noted(marker)
    crew.shutdown.request()
    report = await run
    job = await job_of(app, job_id)
    assert (report.release, report.abandoned) == (1, 0)
    assert (job.status, job.attempts, job.crashes) == (JobStatus.QUEUED, 0, 0)
    assert not psutil.pid_exists(pid)


async def test_drain_lets_the_handler_finish(make_app: MakeApp, tmp_path: Path) -> None:
    """A stop waits for handlers in processes as for all others."""
    app = make_app()
    marker, go = tmp_path / "pid", tmp_path / "go"
    job_id = await app.enqueue(
        app.job(executor="process")(jobs.wait_for), marker=str(marker), until=str(go)
    )
    crew = app._crew(2, None)
    run = asyncio.create_task(crew.run())
    pid = await noted(marker)
    crew.shutdown.request()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)  # as a terminal or a service manager sends them to the whole group
    go.touch()
    assert (await run).complete == 1
    assert await app.get_result(job_id) == "done"
