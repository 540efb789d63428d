"""Cases: the three shapes of ``app.enqueue()``, bound options, bulk and later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from soniq import JobContext, Soniq, TaskRef, task_ref

app = Soniq(backend="memory")
remote = task_ref("users.send_email", queue="mail")


@app.job()
async def send(to: str, copies: int = 1) -> int:
    return copies


@app.job()
def send_sync(to: str) -> str:
    return to


@app.job()
async def context_first(job: JobContext, order_id: int) -> None: ...


@app.job()
async def context_last(order_id: int, note: str, ctx: JobContext) -> None: ...


@app.job()
async def loose(payload: Any, copies: int) -> None: ...


async def with_a_function() -> None:
    assert_type(await app.enqueue(send, to="a@b.com"), str)
    await app.enqueue(send, to="a@b.com", copies=2)
    await app.enqueue(send_sync, to="a@b.com")
    await app.enqueue(context_first, order_id=1)
    await app.enqueue(context_last, order_id=1, note="x")
    await app.enqueue(loose, payload={"a": 1}, copies=1)
    await app.enqueue(send, to=1)  # error
    await app.enqueue(send)  # error
    await app.enqueue(send, to="a@b.com", cc="b@c.com")  # error
    await app.enqueue(send, to="a@b.com", copies="2")  # error
    await app.enqueue(send_sync, to=None)  # error
    await app.enqueue(context_first, order_id="1")  # error
    await app.enqueue(context_first)  # error
    await app.enqueue(send, args={"to": "a@b.com"})  # error
    await app.enqueue(print, to="a@b.com")  # error


async def with_options(connection: object) -> None:
    await app.enqueue(send, to="a@b.com", queue="mail")
    await app.enqueue(send, to="a@b.com", priority=1, unique=True)
    await app.enqueue(send, to="a@b.com", scheduled_at=datetime(2030, 1, 1, tzinfo=UTC))
    await app.enqueue(send, to="a@b.com", dedup_key="a")
    await app.enqueue(send, to="a@b.com", connection=connection)
    await app.enqueue(context_last, order_id=1, note="x", queue="mail")
    await app.enqueue(send, to="a@b.com", queue=1)  # error
    await app.enqueue(send, to="a@b.com", priority="high")  # error
    await app.enqueue(send, to="a@b.com", scheduled_at="tomorrow")  # error
    await app.enqueue(send, to="a@b.com", quque="mail")  # error


async def with_a_name_or_reference() -> None:
    assert_type(remote, TaskRef)
    assert_type(await app.enqueue("users.send_email", args={"to": "a@b.com"}), str)
    await app.enqueue("users.send_email")
    await app.enqueue(remote, args={"to": "a@b.com"}, queue="mail", priority=1)
    await app.enqueue("users.send_email", to="a@b.com")  # error
    await app.enqueue(remote, to="a@b.com")  # error
    await app.enqueue(remote, args=["a@b.com"])  # error
    await app.enqueue("users.send_email", args={}, queu="mail")  # error
    await app.enqueue(42)  # error
    task_ref("users.send_email", queue=1)  # error


async def from_the_task() -> None:
    assert_type(await send.enqueue(to="a@b.com"), str)
    await context_first.enqueue(order_id=1)
    assert_type(await send.options(queue="mail", priority=1).enqueue(to="a@b.com"), str)
    await send.options(scheduled_at=timedelta(minutes=5)).enqueue(to="a@b.com")
    await send.enqueue(to=1)  # error
    await send.enqueue()  # error
    send.options(queu="mail")  # error
    send.options(priority="high")  # error
    await send.options(queue="mail").enqueue(to=1)  # error
    await context_first.options(queue="mail").enqueue(order_id="x")  # error


async def in_bulk_and_later() -> None:
    assert_type(await app.enqueue_many(send, [{"to": "a@b.com"}], queue="mail"), list[str])
    assert_type(await app.schedule(send, 60, to="a@b.com"), str)
    await app.schedule(send, run_at=datetime(2030, 1, 1, tzinfo=UTC), to="a@b.com")
    await app.schedule(send, timedelta(hours=1), to="a@b.com")
    await app.schedule("users.send_email", 1.5, args={"to": "a@b.com"})
    await app.schedule(context_last, 60, order_id=1, note="x")
    await app.enqueue_many(send, [["a@b.com"]])  # error
    await app.enqueue_many(send, [{"to": "a@b.com"}], unique=True)  # error
    await app.schedule(send, "tomorrow", to="a@b.com")  # error
    await app.schedule(send, 60, to=1)  # error
    await app.schedule(send)  # error
