"""Cases: what the app tells about jobs, and what runs around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, assert_type

from soniq import JobContext, JobStatus, Soniq, cron, daily, every
from soniq.job import DeadLetter, Job

app = Soniq(backend="memory")
Soniq(backend="mysql")  # error
Soniq(database_url=5432)  # error


@app.middleware
async def timed(ctx: JobContext, call_next: Callable[[JobContext], Awaitable[Any]]) -> Any:
    return await call_next(ctx)


@app.middleware  # error
async def takes_no_next(ctx: JobContext) -> None: ...


async def jobs() -> None:
    job = await app.get_job("x")
    assert_type(job, Job | None)
    job.status  # error
    if job is not None:
        assert_type(job.status, JobStatus)
        assert_type(job.attempts, int)
        assert_type(job.scheduled_at, datetime)
        assert_type(job.finished_at, datetime | None)
        assert_type(job.args, dict[str, Any])
        assert_type(job["status"], Any)
        job.state  # error
        job.status = JobStatus.DONE  # error
    assert_type(await app.list_jobs(status=JobStatus.QUEUED, limit=5), list[Job])
    assert_type(await app.wait_for("x", timeout=1.5), Job)
    assert_type(await app.cancel_job("x"), bool)
    assert_type(await app.delete_job("x"), bool)
    assert_type(await app.get_queue_stats(), dict[str, dict[str, int]])
    await app.list_jobs(limit="5")  # error
    await app.wait_for(5)  # error


async def dead_letters() -> None:
    assert_type(await app.dead_letter.list(queue="mail"), list[DeadLetter])
    assert_type(await app.dead_letter.get("x"), DeadLetter | None)
    assert_type(await app.dead_letter.replay("x"), str)
    assert_type(await app.dead_letter.replay_many(reason="timeout"), list[str])
    await app.dead_letter.purge(older_than="7d")  # error


async def contexts(ctx: JobContext) -> None:
    assert_type(ctx.worker_id, str | None)
    assert_type(ctx.attempt, int)
    ctx.attempt = 2  # error
    ctx.tries  # error


def schedules() -> None:
    assert_type(daily().at("09:00"), str)
    assert_type(every(5).minutes(), str)
    assert_type(cron("*/15 * * * *"), str)
    cron(5)  # error
