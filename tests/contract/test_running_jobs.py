"""What a worker does with a job, from the claim to its end, on every backend."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from soniq import JobContext, JobStatus, Snooze, Soniq
from soniq.context import current_job
from soniq.errors import JobFailed, PermanentFailure
from soniq.middleware import CallNext
from soniq.worker.attempt import Attempt
from tests.support.jobs import dead_letter_of, job_of, run_all

MakeApp = Callable[..., Soniq]


async def test_async_handler_runs_and_its_result_is_kept(app: Soniq) -> None:
    """An async handler is awaited with its arguments, and what it returns can be read back."""

    @app.job()
    async def add(a: int, b: int) -> dict[str, int]:
        return {"sum": a + b}

    job_id = await app.enqueue(add, a=1, b=2)
    report = await run_all(app)

    job = await job_of(app, job_id)
    assert report.complete == 1
    assert job.status is JobStatus.DONE
    assert job.result == {"sum": 3}
    assert job.attempts == 1
    assert job.started_at is not None
    assert job.finished_at is not None
    assert await app.get_result(job_id) == {"sum": 3}
    assert (await app.wait_for(job_id, timeout=1)).id == job_id


@pytest.mark.parametrize("kind", ["async", "thread", "transaction", "failing"])
async def test_nothing_is_left_to_the_garbage_collector(
    app: Soniq, kind: str, backend_kind: str
) -> None:
    """What a job has needed is gone when it ends: to find circles stops the worker."""

    @app.job(name="async")
    async def wait() -> None:
        await asyncio.sleep(0)

    @app.job(name="thread")
    def compute() -> int:
        return 1

    @app.job(name="transaction")
    async def write(ctx: JobContext) -> None:
        if backend_kind != "memory":
            async with ctx.transaction():
                pass

    @app.job(name="failing", retries=0)
    async def fail() -> None:
        raise PermanentFailure(kind)

    ids = {await app.enqueue(kind) for _ in range(40)}
    gc.collect()
    gc.disable()
    try:
        report = await run_all(app, concurrency=4)
        attempts = [one for one in gc.get_objects() if isinstance(one, Attempt)]
    finally:
        gc.enable()
    assert report.complete + report.bury == 40
    # A few are held for other reasons: by a thread that idles, by the driver's timers.
    assert sum(one.job.id in ids for one in attempts) < 20


async def test_sync_handler_runs_in_another_thread(app: Soniq) -> None:
    """A plain function runs off the event loop, with the job's context variable."""

    @app.job()
    def where() -> list[object]:
        context = current_job()
        return [threading.current_thread() is threading.main_thread(), context and context.job_id]

    job_id = await app.enqueue(where)
    await run_all(app)
    assert await app.get_result(job_id) == [False, job_id]


async def test_context_is_filled_in_under_any_name(app: Soniq) -> None:
    """A parameter annotated JobContext gets the facts of this very run and is never enqueued."""
    seen: list[JobContext] = []

    @app.job(name="orders.process", retries=2, queue="orders")
    async def process(order_id: int, who_am_i: JobContext) -> None:
        seen.append(who_am_i)

    job_id = await app.enqueue(process, order_id=7)
    await run_all(app)

    context = seen[0]
    job = await job_of(app, job_id)
    assert job.args == {"order_id": 7}
    assert (context.job_id, context.job_name, context.queue) == (job_id, "orders.process", "orders")
    assert (context.attempt, context.max_attempts) == (1, 3)
    assert context.worker_id is not None
    assert str(UUID(context.worker_id)) == context.worker_id
    assert context.scheduled_at is None
    assert context.created_at == job.created_at


async def test_types_are_restored_by_annotations(app: Soniq) -> None:
    """What was enqueued as UUID and datetime arrives as UUID and datetime."""
    seen: list[object] = []

    @app.job()
    async def note(key: UUID, when: datetime, tags: set[str]) -> None:
        seen.extend([key, when, tags])

    key, when = UUID(int=7), datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    await app.enqueue(note, key=key, when=when, tags={"a", "b"})
    await run_all(app)
    assert seen == [key, when, {"a", "b"}]


async def test_failure_is_retried_until_the_budget_is_spent(app: Soniq) -> None:
    """retries=2 means three runs, numbered from 1; then the job is a dead letter with its error."""
    attempts: list[int] = []

    @app.job(retries=2)
    async def fail(ctx: JobContext) -> None:
        attempts.append(ctx.attempt)
        message = f"no luck {ctx.attempt}"
        raise ValueError(message)

    job_id = await app.enqueue(fail)
    report = await run_all(app)

    letter = await dead_letter_of(app, job_id)
    assert attempts == [1, 2, 3]
    assert (report.retry, report.bury) == (2, 1)
    assert await app.get_job(job_id) is None
    assert letter.reason == "max_retries_exceeded"
    assert letter.last_error == "ValueError: no luck 3"
    assert letter.last_traceback is not None
    assert "in fail" in letter.last_traceback
    assert (letter.attempts, letter.max_attempts) == (3, 3)
    with pytest.raises(JobFailed, match="no luck 3"):
        await app.wait_for(job_id, timeout=1)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"retry_delay": 7}, [7, 7, 7]),
        ({"retry_delay": [1, 5]}, [1, 5, 5]),
        ({"retry_delay": 2, "retry_backoff": True}, [2, 4, 8]),
        ({"retry_delay": 2, "retry_backoff": True, "retry_max_delay": 5}, [2, 4, 5]),
        ({"retry_backoff": True}, [1, 2, 4]),
    ],
)
async def test_every_form_of_retry_delay(
    app: Soniq, options: dict[str, object], expected: list[float]
) -> None:
    """After a failure the job is due again exactly the configured delay later."""

    @app.job(retries=3, **options)  # type: ignore[arg-type]  # parametrised
    async def fail() -> None:
        raise ValueError

    job_id = await app.enqueue(fail)
    delays = []
    for _ in range(3):
        await run_all(app)
        job = await job_of(app, job_id)
        assert job.status is JobStatus.QUEUED
        delays.append((job.scheduled_at - app.clock.now()).total_seconds())
        app.clock.advance(seconds=delays[-1])  # type: ignore[attr-defined]  # the tests' clock
    assert delays == expected


async def test_snooze_spends_no_attempt(app: Soniq) -> None:
    """A handler that returns Snooze runs again later under the same attempt number."""
    attempts: list[int] = []

    @app.job(retries=0)
    async def nap(ctx: JobContext) -> Snooze | str:
        attempts.append(ctx.attempt)
        return Snooze(60) if len(attempts) < 4 else "rested"

    job_id = await app.enqueue(nap)
    for _ in range(3):
        await run_all(app)
        assert (await job_of(app, job_id)).status is JobStatus.QUEUED
        app.clock.advance(seconds=60)  # type: ignore[attr-defined]
    await run_all(app)
    assert attempts == [1, 1, 1, 1]
    assert (await job_of(app, job_id)).result == "rested"


async def test_permanent_failure_is_not_retried(app: Soniq) -> None:
    """PermanentFailure goes to the dead letters at once, whatever the budget."""

    @app.job(retries=9)
    async def give_up() -> None:
        message = "the customer is gone"
        raise PermanentFailure(message)

    job_id = await app.enqueue(give_up)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.reason, letter.attempts) == ("permanent_failure", 1)


async def test_timeout_stops_an_async_handler(app: Soniq) -> None:
    """A handler past its timeout is cancelled; with a spent budget the reason is timeout."""
    cancelled = asyncio.Event()

    @app.job(timeout=0.05, retries=0)
    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    job_id = await app.enqueue(hang)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert cancelled.is_set()
    assert letter.reason == "timeout"
    assert letter.last_error is not None
    assert "0.05 s" in letter.last_error


async def test_timeout_error_of_the_handler_is_an_ordinary_failure(app: Soniq) -> None:
    """A TimeoutError that the handler raises itself is not taken for the job's deadline."""

    @app.job(retries=0)
    async def slow_api() -> None:
        message = "upstream"
        raise TimeoutError(message)

    job_id = await app.enqueue(slow_api)
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.reason, letter.last_error) == ("max_retries_exceeded", "TimeoutError: upstream")


async def test_overrunning_sync_handler_never_runs_twice_at_once(make_app: MakeApp) -> None:
    """A thread can't be stopped, so its job is not queued again before the thread has ended."""
    app = make_app(concurrency=4)
    lock = threading.Lock()
    running = most = 0
    runs = 0

    @app.job(timeout=0.02, retries=2)
    def overrun() -> None:
        nonlocal running, most, runs
        with lock:
            running += 1
            runs += 1
            most = max(most, running)
        threading.Event().wait(0.15)
        with lock:
            running -= 1

    job_id = await app.enqueue(overrun)
    await run_all(app)
    assert (runs, most) == (3, 1)
    assert (await dead_letter_of(app, job_id)).reason == "timeout"


class Unprintable(Exception):
    """An exception that can't even say what is wrong."""

    def __str__(self) -> str:
        """Refuse."""
        message = "no words"
        raise RuntimeError(message)


def recurse() -> None:
    """Call itself for ever."""
    recurse()


async def cancel_oneself() -> None:
    """Cancel the running task and wait for the blow."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(10)


async def await_cancelled_task() -> None:
    """Await an inner task that was cancelled: a CancelledError that nobody sent to us."""
    inner = asyncio.create_task(asyncio.sleep(10))
    inner.cancel()
    await inner


NASTY: list[BaseException | type[BaseException]] = [
    ValueError("a\x00b \ud800 c"),
    asyncio.CancelledError(),
    SystemExit(3),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(1),
    StopAsyncIteration(),
    ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
    BaseExceptionGroup("worse", [SystemExit(1)]),
    RecursionError(),
    MemoryError(),
    Unprintable(),
    OSError(28, "No space left"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
]


@pytest.mark.parametrize("error", NASTY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_nothing_that_a_handler_raises_costs_a_slot(
    app: Soniq, error: BaseException, kind: str
) -> None:
    """Any BaseException ends in a dead letter of the right type, and the worker works on."""

    @app.job(name="nasty.async_one", retries=0)
    async def nasty_async() -> None:
        raise error

    @app.job(name="nasty.sync_one", retries=0)
    def nasty_sync() -> None:
        raise error

    @app.job(name="nice.one")
    async def nice() -> str:
        return "fine"

    nasty = nasty_async if kind == "async" else nasty_sync
    ids = [await app.enqueue(nasty, priority=1) for _ in range(3)]
    nice_id = await app.enqueue(nice, priority=1000)
    await run_all(app, concurrency=1)

    for job_id in ids:
        letter = await dead_letter_of(app, job_id)
        assert letter.last_error is not None
        expected = type(error).__name__
        # Python itself turns a StopIteration that leaves a coroutine into a RuntimeError.
        if isinstance(error, StopIteration):
            expected = "RuntimeError"
        assert letter.last_error.startswith(expected)
        assert "\x00" not in letter.last_error
    assert await app.get_result(nice_id) == "fine"


@pytest.mark.parametrize("handler", [cancel_oneself, await_cancelled_task, recurse])
async def test_nothing_that_a_handler_does_costs_a_slot(
    app: Soniq, handler: Callable[..., object]
) -> None:
    """Cancelling itself, awaiting what was cancelled, endless recursion: all are plain failures."""
    nasty = app.job(retries=0)(handler)

    @app.job()
    async def nice() -> str:
        return "fine"

    job_id = await app.enqueue(nasty, priority=1)
    nice_id = await app.enqueue(nice, priority=1000)
    await run_all(app, concurrency=1)
    assert (await dead_letter_of(app, job_id)).reason == "max_retries_exceeded"
    assert await app.get_result(nice_id) == "fine"


async def test_undelivered_cancellation_does_not_hurt_the_worker(app: Soniq) -> None:
    """A handler that cancels its task and returns before the blow has returned, no more."""

    @app.job()
    async def sly() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "gone"

    job_id = await app.enqueue(sly)
    await run_all(app)
    assert await app.get_result(job_id) == "gone"


@pytest.mark.parametrize(
    "value", ["a\x00b", float("nan"), float("inf"), "\ud800", object(), {1, object()}]
)
async def test_result_that_cannot_be_stored_keeps_the_success(app: Soniq, value: object) -> None:
    """The job is done, its result is null, and result_error says why."""

    @app.job()
    async def odd() -> object:
        return value

    job_id = await app.enqueue(odd)
    await run_all(app)
    job = await job_of(app, job_id)
    assert job.status is JobStatus.DONE
    assert job.result is None
    assert job.result_error


async def test_results_are_dropped_when_nobody_keeps_them(make_app: MakeApp) -> None:
    """With result_ttl=0 nothing is stored and nothing is complained about."""
    app = make_app(result_ttl=0)

    @app.job()
    async def answer() -> int:
        return 42

    job_id = await app.enqueue(answer)
    await run_all(app)
    job = await app.get_job(job_id)
    assert job is None or (job.result is None and job.result_error is None)


async def test_priority_decides_then_age(app: Soniq) -> None:
    """The lower number runs first; of equals the older one."""
    order: list[str] = []

    @app.job()
    async def note(what: str) -> None:
        order.append(what)

    for priority, what in [(100, "c"), (1, "a"), (100, "d"), (50, "b"), (100, "e")]:
        await app.enqueue(note, what=what, priority=priority)
    await run_all(app, concurrency=1)
    assert order == ["a", "b", "c", "d", "e"]


async def test_only_the_asked_queues_are_served(app: Soniq) -> None:
    """A worker for one queue leaves the others alone; one for all leaves nothing."""
    done: list[str] = []

    @app.job()
    async def note(what: str) -> None:
        done.append(what)

    await app.enqueue(note, what="mail", queue="mail")
    await app.enqueue(note, what="web", queue="web")
    await run_all(app, queues=["mail"])
    assert done == ["mail"]
    await run_all(app)
    assert done == ["mail", "web"]


async def test_concurrency_bounds_the_running_handlers(app: Soniq) -> None:
    """Never more handlers at a time than asked for, and as many as that where there is work."""
    running = most = 0

    @app.job()
    async def work() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1

    await app.enqueue_many(work, [{} for _ in range(40)])
    await run_all(app, concurrency=7)
    assert most == 7


async def test_scheduled_job_waits_for_its_time(app: Soniq) -> None:
    """A job for later is not run before, is run then, and the context tells when that was."""
    seen: list[datetime | None] = []

    @app.job()
    async def later(ctx: JobContext) -> None:
        seen.append(ctx.scheduled_at)

    moment = app.clock.now() + timedelta(hours=1)
    await app.schedule(later, run_at=moment)
    await run_all(app)
    assert seen == []
    app.clock.advance(hours=1)  # type: ignore[attr-defined]
    await run_all(app)
    assert seen == [moment]


async def test_arguments_that_do_not_fit_go_to_the_dead_letters(app: Soniq) -> None:
    """A row whose arguments a new version of the handler can't take is never tried."""
    called: list[int] = []

    @app.job(name="shop.ship")
    async def ship(order_id: int) -> None:
        called.append(order_id)

    newer = Soniq(backend=app.backend, clock=app.clock)

    @newer.job(name="shop.ship")
    async def ship_now(order: int) -> None:
        called.append(order)

    job_id = await app.enqueue(ship, order_id=1)
    await run_all(newer)
    letter = await dead_letter_of(app, job_id)
    assert called == []
    assert letter.reason == "invalid_arguments"
    assert "order" in (letter.last_error or "")


class Payment(BaseModel):
    """What a payment must look like."""

    amount: int


async def test_the_model_is_checked_again_before_the_handler(app: Soniq) -> None:
    """A model that has become stricter since the enqueue refuses the job in the worker."""

    @app.job(name="shop.pay")
    async def pay(amount: str) -> None: ...

    stricter = Soniq(backend=app.backend, clock=app.clock)

    @stricter.job(name="shop.pay", validate=Payment)
    async def pay_strictly(amount: str) -> None: ...

    job_id = await app.enqueue(pay, amount="many")
    await run_all(stricter)
    assert (await dead_letter_of(app, job_id)).reason == "invalid_arguments"


async def test_unknown_task_waits_for_a_worker_that_knows_it(app: Soniq) -> None:
    """During a rolling deploy an old worker leaves new jobs alone, attempt unspent."""
    old = Soniq(backend=app.backend, clock=app.clock)

    @old.job(name="old.task")
    async def old_task() -> str:
        return "old"

    @app.job(name="new.task")
    async def new_task() -> str:
        return "new"

    new_id = await app.enqueue(new_task)
    old_id = await old.enqueue(old_task)
    report = await run_all(old)
    assert (report.complete, report.bury) == (1, 0)
    assert await old.get_result(old_id) == "old"
    job = await job_of(app, new_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    await run_all(app)
    assert await app.get_result(new_id) == "new"


async def test_unknown_task_is_buried_at_once_without_grace(make_app: MakeApp) -> None:
    """With unknown_task_grace=0 a job that nobody knows is a dead letter straight away."""
    app = make_app(unknown_task_grace=0, enqueue_validation="none")
    job_id = await app.enqueue("no.such_task", args={"x": 1})
    await run_all(app)
    letter = await dead_letter_of(app, job_id)
    assert (letter.reason, letter.args) == ("job_not_found", {"x": 1})


async def test_hooks_hear_of_jobs_and_cannot_harm_them(app: Soniq) -> None:
    """Hooks run around the handler; one that raises anything is logged and forgotten."""
    heard: list[tuple[str, object]] = []

    @app.before_job
    async def before(ctx: JobContext) -> None:
        heard.append(("before", ctx.attempt))

    @app.before_job
    def broken(ctx: JobContext) -> None:
        raise SystemExit

    @app.after_job
    def after(ctx: JobContext, result: object) -> None:
        heard.append(("after", result))

    @app.on_error
    async def failed(ctx: JobContext, error: BaseException) -> None:
        heard.append(("error", str(error)))

    @app.job(retries=1)
    async def second_time_lucky(ctx: JobContext) -> str:
        if ctx.attempt == 1:
            message = "first"
            raise ValueError(message)
        return "ok"

    job_id = await app.enqueue(second_time_lucky)
    await run_all(app)
    assert await app.get_result(job_id) == "ok"
    assert heard == [("before", 1), ("error", "first"), ("before", 2), ("after", "ok")]


async def test_middleware_wraps_the_handler_and_can_fail_it(app: Soniq) -> None:
    """The first middleware is outermost, may change the result, and fails the job by raising."""
    trace: list[str] = []

    @app.middleware
    async def outer(ctx: JobContext, call_next: CallNext) -> Any:
        trace.append("outer in")
        result = await call_next(ctx)
        trace.append("outer out")
        return f"<{result}>"

    @app.middleware
    async def inner(ctx: JobContext, call_next: CallNext) -> Any:
        trace.append("inner")
        if ctx.job_name == "bad.job":
            message = "not today"
            raise PermissionError(message)
        return await call_next(ctx)

    @app.job(name="good.job")
    def good() -> str:
        return "good"

    @app.job(name="bad.job", retries=0)
    async def bad() -> str:
        return "bad"

    good_id = await app.enqueue(good)
    await run_all(app)
    assert trace == ["outer in", "inner", "outer out"]
    assert await app.get_result(good_id) == "<good>"
    bad_id = await app.enqueue(bad)
    await run_all(app)
    assert (await dead_letter_of(app, bad_id)).last_error == "PermissionError: not today"


async def test_context_variables_do_not_leak_between_jobs(app: Soniq) -> None:
    """What one handler leaves in a context variable, the next one does not see."""
    tenant: ContextVar[str] = ContextVar("tenant", default="nobody")

    @app.job()
    async def act(name: str) -> str:
        before = tenant.get()
        tenant.set(name)
        return before

    ids = [await app.enqueue(act, name=f"tenant {n}") for n in range(5)]
    await run_all(app, concurrency=1)
    assert [await app.get_result(job_id) for job_id in ids] == ["nobody"] * 5


async def test_cancelled_job_never_runs(app: Soniq) -> None:
    """A queued job can be cancelled once; no worker touches it then."""
    ran: list[int] = []

    @app.job()
    async def work() -> None:
        ran.append(1)

    job_id = await app.enqueue(work)
    assert await app.cancel_job(job_id)
    assert not await app.cancel_job(job_id)
    await run_all(app)
    assert ran == []
    assert (await job_of(app, job_id)).status is JobStatus.CANCELLED
    assert (await app.wait_for(job_id, timeout=1)).status is JobStatus.CANCELLED


async def test_replay_runs_again_with_a_fresh_budget(app: Soniq) -> None:
    """A replayed dead letter is a new job; the record stays and counts."""
    broken = True

    @app.job(retries=0)
    async def fragile(x: int) -> int:
        if broken:
            raise ValueError
        return x

    first = await app.enqueue(fragile, x=5)
    await run_all(app)
    broken = False
    second = await app.dead_letter.replay(first)
    await run_all(app)
    assert second != first
    assert await app.get_result(second) == 5
    assert (await dead_letter_of(app, first)).resurrection_count == 1
    assert await app.dead_letter.replay_many() == []


async def test_failing_unique_job_makes_way_for_the_waiting_one(app: Soniq) -> None:
    """A unique job that fails while its duplicate waits gives up the key; neither is lost."""
    runs: list[str] = []
    ids: list[str] = []

    @app.job(unique=True, retries=1)
    async def sync_account(account: int, ctx: JobContext) -> None:
        runs.append(ctx.job_id)
        if len(runs) == 1:
            ids.append(await app.enqueue(sync_account, account=1))
            raise ValueError

    ids.append(await app.enqueue(sync_account, account=1))
    report = await run_all(app)
    assert len(set(ids)) == 2
    assert report.complete == 2
    for job_id in ids:
        assert (await job_of(app, job_id)).status is JobStatus.DONE
