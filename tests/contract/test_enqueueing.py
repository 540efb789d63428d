"""Enqueueing in its three shapes, with every option and every misuse, on every backend."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from soniq import JobContext, JobStatus, Soniq, task_ref
from soniq.errors import (
    ArgumentsTooLarge,
    BulkUniqueRefused,
    InvalidArguments,
    InvalidOption,
    JobNotFound,
    JobProcessing,
    TaskArgumentsInvalid,
    TransactionUnsupported,
    UnknownTask,
    WaitTimeout,
)
from tests.support.jobs import job_of, run_all

MakeApp = Callable[..., Soniq]


class Mail(BaseModel):
    """What a mail must look like."""

    to: str
    copies: int = 1


async def nothing_was_written(app: Soniq) -> bool:
    """Tell whether the job table is empty."""
    return await app.list_jobs() == []


async def test_task_gives_its_options_to_the_job(app: Soniq) -> None:
    """Queue, priority and budget come from the task where the call says nothing."""

    @app.job(name="mail.send", queue="mail", priority=7, retries=2)
    async def send(to: str) -> None: ...

    job = await job_of(app, await app.enqueue(send, to="a"))
    assert job.job_name == "mail.send"
    assert (job.queue, job.priority, job.max_attempts) == ("mail", 7, 3)
    assert (job.status, job.attempts, job.args) == (JobStatus.QUEUED, 0, {"to": "a"})
    assert job["status"] == "queued"
    assert dict(job)["queue"] == "mail"
    assert UUID(job.id).version == 7


async def test_call_wins_over_ref_and_ref_over_settings(make_app: MakeApp) -> None:
    """Options: call, then TaskRef, then task, then settings."""
    app = make_app(priority=55, max_retries=6)
    ref = task_ref("far.away", queue="remote", priority=3, retries=1)
    by_ref = await job_of(app, await app.enqueue(ref, args={"x": 1}))
    assert (by_ref.queue, by_ref.priority, by_ref.max_attempts) == ("remote", 3, 2)
    by_call = await job_of(app, await app.enqueue(ref, args={"x": 1}, queue="q", priority=9))
    assert (by_call.queue, by_call.priority) == ("q", 9)
    bare = await job_of(app, await app.enqueue(task_ref("far.away"), args={}))
    assert (bare.queue, bare.priority, bare.max_attempts) == ("default", 55, 7)

    @app.job()
    async def local() -> None: ...

    plain = await job_of(app, await app.enqueue(local))
    assert (plain.priority, plain.max_attempts) == (55, 7)


async def test_options_of_a_call_are_for_that_call_alone(app: Soniq) -> None:
    """What a task says stands for every call that says nothing, up to when it is defined anew."""

    async def send(to: str) -> None: ...

    task = app.job(name="mail.send", queue="mail")(send)
    calls: list[dict[str, Any]] = [{}, {"queue": "urgent", "priority": 1}, {"unique": True}, {}]
    jobs = [await job_of(app, await app.enqueue(task, to="a", **call)) for call in calls]
    assert [(job.queue, job.priority) for job in jobs] == [
        ("mail", 100), ("urgent", 1), ("mail", 100), ("mail", 100),
    ]  # fmt: skip
    assert [job.unique_key is None for job in jobs] == [True, True, False, True]
    app.job(name="mail.send", queue="post")(send)  # as a module does that is loaded anew
    assert (await job_of(app, await app.enqueue(task, to="a"))).queue == "post"


async def test_name_and_ref_carry_their_arguments_in_args(app: Soniq) -> None:
    """By name and by TaskRef, what is in args= arrives at the handler."""
    seen: list[tuple[str, int]] = []

    @app.job(name="mail.send")
    async def send(to: str, queue: int) -> None:
        seen.append((to, queue))

    await app.enqueue("mail.send", args={"to": "name", "queue": 1})
    await app.enqueue(task_ref("mail.send", args_model=None), args={"to": "ref", "queue": 2})
    await send.options(queue="other").enqueue(to="options", queue=3)
    await send.enqueue(to="task", queue=4)
    await run_all(app)
    assert sorted(seen) == [("name", 1), ("options", 3), ("ref", 2), ("task", 4)]


async def test_decorated_function_is_called_as_before(app: Soniq) -> None:
    """A task is still the function that was written: no job is made by calling it."""

    @app.job()
    async def double(x: int) -> int:
        """Twice."""
        return 2 * x

    @app.job()
    def triple(x: int) -> int:
        return 3 * x

    assert await double(4) == 8
    assert triple(4) == 12
    assert double.__doc__ == "Twice."
    assert asyncio.iscoroutinefunction(double)
    assert not asyncio.iscoroutinefunction(triple)
    assert await nothing_was_written(app)


# ruff: noqa: ARG005 - every wrong call is made of an app and a task, needed or not
WRONG_CALLS: list[tuple[str, Callable[[Soniq, Any], Any], type[Exception], str]] = [
    ("missing argument", lambda app, f: app.enqueue(f), TypeError, "to"),
    ("unexpected argument", lambda app, f: app.enqueue(f, to="a", too="b"), TypeError, "too"),
    ("args= with a function", lambda app, f: app.enqueue(f, args={"to": "a"}), TypeError, "args"),
    ("positional argument", lambda app, f: app.enqueue(f, "a"), TypeError, "by name"),
    ("context from outside", lambda app, f: app.enqueue(f, to="a", ctx=1), TypeError, "ctx"),
    (
        "kwargs with a name",
        lambda app, f: app.enqueue("mail.send", to="a"),
        TypeError,
        "args=",
    ),
    ("kwargs with a ref", lambda app, f: app.enqueue(task_ref("m.s"), to="a"), TypeError, "args="),
    ("args no dict", lambda app, f: app.enqueue("mail.send", args=[1]), TypeError, "dict"),
    ("no target", lambda app, f: app.enqueue(42), TypeError, "42"),
    ("undecorated function", lambda app, f: app.enqueue(print), UnknownTask, "@app.job"),
    ("unknown name", lambda app, f: app.enqueue("mail.sned", args={}), UnknownTask, "mail.send"),
    ("empty name", lambda app, f: app.enqueue("", args={}), ValueError, "name"),
    ("priority 0", lambda app, f: app.enqueue(f, to="a", priority=0), InvalidOption, "1000"),
    ("priority 1001", lambda app, f: app.enqueue(f, to="a", priority=1001), InvalidOption, "1"),
    ("priority text", lambda app, f: app.enqueue(f, to="a", priority="1"), InvalidOption, "whole"),
    ("empty queue", lambda app, f: app.enqueue(f, to="a", queue=""), InvalidOption, "queue"),
    ("control character", lambda app, f: app.enqueue(f, to="a", queue="a\n"), InvalidOption, "q"),
    ("long queue", lambda app, f: app.enqueue(f, to="a", queue="q" * 256), InvalidOption, "255"),
    ("empty key", lambda app, f: app.enqueue(f, to="a", dedup_key=""), InvalidOption, "dedup_key"),
    ("negative delay", lambda app, f: app.schedule(f, -1, to="a"), ValueError, "-1"),
    ("endless delay", lambda app, f: app.schedule(f, math.inf, to="a"), ValueError, "inf"),
    ("nan delay", lambda app, f: app.schedule(f, math.nan, to="a"), ValueError, "nan"),
    ("text as time", lambda app, f: app.schedule(f, "tomorrow", to="a"), ValueError, "tomorrow"),
    ("boolean as time", lambda app, f: app.schedule(f, True, to="a"), ValueError, "True"),
    ("unique no bool", lambda app, f: app.enqueue(f, to="a", unique=1), InvalidOption, "unique"),
    ("nan argument", lambda app, f: app.enqueue(f, to=math.nan), InvalidArguments, "to"),
    ("nul argument", lambda app, f: app.enqueue(f, to="a\x00"), InvalidArguments, "to"),
    ("surrogate argument", lambda app, f: app.enqueue(f, to="\ud800"), InvalidArguments, "to"),
    ("unknown type", lambda app, f: app.enqueue(f, to=object()), InvalidArguments, "to"),
    ("wrong type", lambda app, f: app.enqueue(f, to=1), InvalidArguments, "to"),
    ("too large", lambda app, f: app.enqueue(f, to="x" * 300_000), ArgumentsTooLarge, "262.144"),
    (
        "bad for model",
        lambda app, f: app.enqueue("m.m", args={"to": 1}),
        TaskArgumentsInvalid,
        "to",
    ),
    (
        "ref's model refuses",
        lambda app, f: app.enqueue(task_ref("far.away", args_model=Mail), args={"copies": 2}),
        TaskArgumentsInvalid,
        "to",
    ),
    ("bulk no dict", lambda app, f: app.enqueue_many(f, [{"to": "a"}, 1]), ValueError, r"\[1\]"),
    ("bulk item misfit", lambda app, f: app.enqueue_many(f, [{"to": "a"}, {}]), TypeError, "to"),
]


@pytest.mark.parametrize(
    ("call", "error", "match"), [case[1:] for case in WRONG_CALLS], ids=[c[0] for c in WRONG_CALLS]
)
async def test_misuse_is_refused_before_anything_is_written(
    app: Soniq, call: Callable[[Soniq, Any], Any], error: type[Exception], match: str
) -> None:
    """Each wrong call raises the right error, which names what is wrong, and writes nothing."""

    @app.job(name="mail.send")
    async def send(to: str, ctx: JobContext) -> None: ...

    @app.job(name="m.m", validate=Mail)
    async def modelled(to: Any) -> None: ...

    with pytest.raises(error, match=match):
        await call(app, send)
    assert await nothing_was_written(app)


@pytest.mark.parametrize(
    "when",
    [
        timedelta(hours=1),
        3600,
        3600.0,
        "aware",
        "naive",
        "elsewhere",
    ],
)
async def test_every_form_of_time(app: Soniq, when: Any) -> None:
    """Datetimes (naive means UTC), timedeltas and seconds all name the same moment."""

    @app.job()
    async def later() -> None: ...

    moment = app.clock.now() + timedelta(hours=1)
    when = {
        "aware": moment,
        "naive": moment.replace(tzinfo=None),
        "elsewhere": moment.astimezone(timezone(timedelta(hours=-7))),
    }.get(when, when)
    job = await job_of(app, await app.schedule(later, run_at=when))
    assert job.scheduled_at == moment
    by_option = await job_of(app, await app.enqueue(later, scheduled_at=when))
    assert by_option.scheduled_at == moment


async def test_time_in_the_past_means_now(app: Soniq) -> None:
    """A moment that has gone by does not let the job overtake those that wait."""

    @app.job()
    async def work() -> None: ...

    job = await job_of(app, await app.enqueue(work, scheduled_at=datetime(2001, 1, 1, tzinfo=UTC)))
    assert job.scheduled_at == job.created_at == app.clock.now()


async def test_unique_under_fifty_racing_callers(app: Soniq) -> None:
    """Fifty callers at once make one job and all get its id."""

    @app.job(unique=True)
    async def sync_account(account: int, deep: dict[str, int]) -> None: ...

    ids = await asyncio.gather(
        *(
            app.enqueue(sync_account, account=1, deep=deep)
            for deep in [{"a": 1, "b": 2}, {"b": 2, "a": 1}] * 25
        )
    )
    assert len(set(ids)) == 1
    assert len(await app.list_jobs()) == 1
    other = await app.enqueue(sync_account, account=2, deep={"a": 1, "b": 2})
    assert other not in ids


async def test_dedup_key_under_fifty_racing_callers(app: Soniq) -> None:
    """A dedup_key wins over the arguments; another task may use the same key."""

    @app.job()
    async def one(x: int) -> None: ...

    @app.job(unique=True)
    async def two(x: int) -> None: ...

    ids = await asyncio.gather(*(app.enqueue(one, x=n, dedup_key="k") for n in range(50)))
    assert len(set(ids)) == 1
    assert await app.enqueue(two, x=1, dedup_key="k") not in ids
    assert await app.enqueue(two, x=2, dedup_key="k") != await app.enqueue(two, x=2)
    assert len(await app.list_jobs()) == 3


async def test_only_a_waiting_job_blocks_its_duplicate(app: Soniq) -> None:
    """Scheduled and retrying jobs block; a running or finished one does not."""
    inside: list[str] = []

    @app.job(unique=True)
    async def work() -> None:
        if not inside:
            inside.append(await app.enqueue(work, scheduled_at=60))

    first = await app.enqueue(work)
    assert await app.enqueue(work) == first
    await run_all(app)
    assert inside[0] != first
    assert await app.enqueue(work) == inside[0]
    assert await app.enqueue(work, unique=False) not in (first, inside[0])


async def test_enqueue_many_keeps_the_order_and_the_options(app: Soniq) -> None:
    """Ids come in input order; queue, priority and time go for every row."""

    @app.job()
    async def send(to: str) -> None: ...

    names = [f"user {n}" for n in range(250)]
    ids = await app.enqueue_many(
        send, [{"to": name} for name in names], queue="bulk", priority=50, scheduled_at=60
    )
    jobs = {job.id: job for job in await app.list_jobs(queue="bulk", limit=1000)}
    assert [jobs[job_id].args["to"] for job_id in ids] == names
    assert {job.priority for job in jobs.values()} == {50}
    assert {job.scheduled_at for job in jobs.values()} == {app.clock.now() + timedelta(seconds=60)}
    assert ids == sorted(ids)
    assert await app.enqueue_many(send, []) == []


async def test_enqueue_many_checks_every_row_first(app: Soniq) -> None:
    """One bad row, and nothing of the call is written."""

    @app.job(validate=Mail)
    async def send(to: str) -> None: ...

    with pytest.raises(TaskArgumentsInvalid) as caught:
        await app.enqueue_many(send, [{"to": "a"}, {"to": "b"}, {"to": 3}])
    assert "args_list[2]" in "".join(caught.value.__notes__)
    assert await nothing_was_written(app)


async def test_enqueue_many_refuses_unique_tasks(app: Soniq) -> None:
    """Bulk enqueueing does not deduplicate, so it says what to do instead."""

    @app.job(unique=True)
    async def work(x: int) -> None: ...

    with pytest.raises(BulkUniqueRefused, match="loop"):
        await app.enqueue_many(work, [{"x": 1}])
    with pytest.raises(TypeError):
        await app.enqueue_many(work, [{"x": 1}], dedup_key="k")  # type: ignore[call-arg]
    assert await nothing_was_written(app)


@pytest.mark.parametrize("mode", ["warn", "none"])
async def test_names_of_elsewhere_may_be_allowed(
    make_app: MakeApp, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With enqueue_validation warn or none, an unknown name is written; warn says so."""
    app = make_app(enqueue_validation=mode)
    job = await job_of(app, await app.enqueue("far.away", args={"x": 1}))
    assert (job.job_name, job.args) == ("far.away", {"x": 1})
    assert ("far.away" in caplog.text) is (mode == "warn")


async def test_connection_of_something_else_is_refused(app: Soniq) -> None:
    """What is no connection of this backend is refused with a ValueError that says so."""

    @app.job()
    async def work() -> None: ...

    with pytest.raises(TransactionUnsupported) as caught:
        await app.enqueue(work, connection=object())
    assert isinstance(caught.value, ValueError)
    assert await nothing_was_written(app)


async def test_list_jobs_filters_and_pages(app: Soniq) -> None:
    """Jobs come newest first and can be narrowed by queue, status and name."""

    @app.job(name="a.a")
    async def a() -> None: ...

    @app.job(name="b.b", queue="other")
    async def b() -> None: ...

    ids = [await app.enqueue(a) for _ in range(3)] + [await app.enqueue(b)]
    assert [job.id for job in await app.list_jobs()] == ids[::-1]
    assert [job.id for job in await app.list_jobs(limit=2, offset=1)] == [ids[2], ids[1]]
    assert [job.id for job in await app.list_jobs(name="b.b")] == [ids[3]]
    assert [job.id for job in await app.list_jobs("other", "queued")] == [ids[3]]
    assert await app.list_jobs(status=JobStatus.DONE) == []
    with pytest.raises(InvalidOption, match="processing"):
        await app.list_jobs(status="running")
    with pytest.raises(InvalidOption):
        await app.list_jobs(limit=0)


async def test_asking_for_what_is_not_there(app: Soniq) -> None:
    """Unknown ids give None or False, or say that there is no such job."""
    for job_id in ("no uuid", str(UUID(int=0))):
        assert await app.get_job(job_id) is None
        assert await app.get_result(job_id) is None
        assert not await app.cancel_job(job_id)
        assert not await app.delete_job(job_id)
        assert await app.dead_letter.get(job_id) is None
        assert not await app.dead_letter.delete(job_id)
        with pytest.raises(JobNotFound):
            await app.wait_for(job_id, timeout=0)
        with pytest.raises(JobNotFound):
            await app.dead_letter.replay(job_id)


async def test_wait_for_gives_up_in_time(app: Soniq) -> None:
    """A job that does not end raises WaitTimeout, which is a TimeoutError."""

    @app.job()
    async def work() -> None: ...

    job_id = await app.enqueue(work)
    with pytest.raises(WaitTimeout) as caught:
        await app.wait_for(job_id, timeout=0)
    assert isinstance(caught.value, TimeoutError)


async def test_running_job_cannot_be_deleted(app: Soniq) -> None:
    """delete_job refuses a running job and deletes any other."""
    refused: list[bool] = []

    @app.job()
    async def work(ctx: JobContext) -> None:
        with pytest.raises(JobProcessing):
            await app.delete_job(ctx.job_id)
        refused.append(True)

    job_id = await app.enqueue(work)
    await run_all(app)
    assert refused == [True]
    assert await app.delete_job(job_id)
    assert await app.get_job(job_id) is None


async def test_queue_stats_count_every_state(app: Soniq) -> None:
    """Per queue: total, queued, processing, done, dead_letter, cancelled."""

    @app.job(name="ok.ok")
    async def ok() -> None: ...

    @app.job(name="bad.bad", retries=0)
    async def bad() -> None:
        raise ValueError

    await app.enqueue(ok)
    await app.enqueue(bad)
    await run_all(app)
    await app.cancel_job(await app.enqueue(ok))
    await app.enqueue(ok)
    await app.enqueue(ok, queue="other")
    stats = await app.get_queue_stats()
    assert stats["default"] == {
        "total": 4, "queued": 1, "processing": 0, "done": 1, "dead_letter": 1, "cancelled": 1,
    }  # fmt: skip
    assert stats["other"]["queued"] == 1
