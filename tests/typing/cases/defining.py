"""Cases: what becomes of a function under ``@app.job()``."""

from __future__ import annotations

from typing import assert_type

from pydantic import BaseModel

from soniq import JobContext, Snooze, Soniq

app = Soniq(backend="memory")


class Order(BaseModel):
    order_id: int


@app.job()
async def send(to: str, copies: int = 1) -> int:
    return copies


@app.job(retries=5, queue="mail", priority=10, unique=True, timeout=None, name="mail.sync")
def send_sync(to: str) -> str:
    return to


@app.job(max_retries=1, retry_delay=[1, 5, 30.5], retry_backoff=True, retry_max_delay=60)
async def every_delay() -> None: ...


@app.job(validate=Order)
async def validated(order_id: int) -> None: ...


@app.job(args_model=Order)
async def validated_by_alias(order_id: int) -> None: ...


@app.job()
async def context_first(job: JobContext, order_id: int) -> bool:
    return job.attempt > order_id


@app.job()
async def context_last(order_id: int, ctx: JobContext) -> bool:
    return ctx.attempt > order_id


@app.job()
async def context_keyword(order_id: int, *, ctx: JobContext, dry: bool = False) -> bool:
    return dry


@app.job()
async def may_snooze() -> int | Snooze:
    return Snooze(60)


@app.job(retries="5")  # error
async def retries_of_wrong_type() -> None: ...


@app.job(queu="mail")  # error
async def unknown_option() -> None: ...


@app.job(retry_delay="soon")  # error
async def delay_of_wrong_type() -> None: ...


@app.job(validate=dict)  # error
async def model_of_wrong_type() -> None: ...


@app.job()
async def exactly_once(ctx: JobContext) -> None:
    assert_type(ctx.idempotency_key, str)
    async with ctx.transaction() as conn:
        await conn.execute("UPDATE accounts SET balance = 0")
        await app.enqueue(send, connection=conn, to="a@b.com")
    with ctx.transaction():  # error
        pass
    await ctx.transaction()  # error
    ctx.transaction("conn")  # error
    ctx.idempotency_key = "mine"  # error
    ctx.idempotency_key()  # error


async def direct_calls(ctx: JobContext) -> None:
    assert_type(await send("a@b.com"), int)
    assert_type(send_sync("a@b.com"), str)
    assert_type(send_sync.name, str)
    assert_type(await context_first(ctx, order_id=1), bool)
    assert_type(await context_last(1, ctx), bool)
    await send(to=1)  # error
    await send()  # error
    await send_sync("a@b.com")  # error
    send_sync(to="a", cc="b")  # error
    text: str = await send("a@b.com")  # error
    print(text)
