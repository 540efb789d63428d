"""Cases: what ``@app.periodic()`` and ``app.scheduler`` take and return."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_type

from soniq import JobContext, Soniq, TaskRef, cron, daily, every, monthly, task_ref, weekly
from soniq.schedule import Fired, Schedule, ScheduleStatus
from soniq.scheduler.preview import Tick

app = Soniq(backend="memory")


@app.periodic(cron=daily().at("09:00"), name="reports.daily")
async def daily_report() -> None: ...


@app.periodic(cron=every(10).minutes(), queue="maintenance", name="cleanup")
async def cleanup(region: str = "EU") -> int:
    return len(region)


@app.periodic(every=timedelta(seconds=30), timezone="Europe/Paris", missed="skip", retries=0)
def flush_metrics() -> str:
    return ""


@app.periodic(every=30, args={"region": "US"}, missed="all")
async def in_seconds(ctx: JobContext, region: str) -> datetime | None:
    return ctx.scheduled_at


@app.periodic(cron=weekly().on("monday"))
async def on_mondays() -> None: ...


@app.periodic(cron=cron("0 9 * * 1"), missed="one")
async def from_text() -> None: ...


@app.periodic(cron=monthly().on_day(15).at("12:00"), every=None)
async def in_the_middle() -> None: ...


@app.periodic(every="5 minutes")  # error
async def every_of_wrong_type() -> None: ...


@app.periodic(cron="* * * * *", missed="some")  # error
async def policy_of_wrong_value() -> None: ...


@app.periodic(cron="* * * * *", timezone=1)  # error
async def zone_of_wrong_type() -> None: ...


@app.periodic(cron="* * * * *", queu="mail")  # error
async def unknown_option() -> None: ...


@app.periodic(cron="* * * * *", retries="5")  # error
async def option_of_wrong_type() -> None: ...


async def the_scheduler(ref: TaskRef) -> None:
    assert_type(await cleanup("US"), int)
    assert_type(flush_metrics(), str)
    assert_type(cleanup.name, str)
    await cleanup(region=1)  # error
    added = await app.scheduler.add(
        target=cleanup, cron="0 9 * * *", args={"region": "US"}, queue="reports", priority=10
    )
    assert_type(added, Schedule)
    await app.scheduler.add("reports.daily", every=timedelta(hours=1), timezone="UTC")
    await app.scheduler.add(name="reports.daily", every=3600.0, missed="skip")
    await app.scheduler.add(task_ref("users.sync"), cron=daily().at("09:00"))
    await app.scheduler.add(ref, cron=weekly().on("monday"))
    await app.scheduler.add(cleanup, cron="0 9 * * *", priority="high")  # error
    await app.scheduler.add(cleanup, cron="0 9 * * *", unknown=1)  # error
    await app.scheduler.add(cleanup, every="60")  # error
    await app.scheduler.add(cleanup, every=60, missed="never")  # error
    await app.scheduler.pause("reports.daily")
    await app.scheduler.resume("reports.daily")
    await app.scheduler.remove("reports.daily")
    await app.scheduler.pause(1)  # error
    assert_type(await app.scheduler.list(status="active"), list[Schedule])
    assert_type(await app.scheduler.list(status=ScheduleStatus.PAUSED), list[Schedule])
    assert_type(await app.scheduler.get("reports.daily"), Schedule | None)
    assert_type(await app.scheduler.run_now("reports.daily"), str)
    assert_type(await app.scheduler.preview("reports.daily", 3), list[Tick])
    assert_type(await app.scheduler.history("reports.daily"), list[Fired])
    await app.scheduler.preview("reports.daily", "3")  # error
    await app.run_scheduler()
    await app.run_worker(with_scheduler=True)
    await app.run_scheduler(with_worker=True)  # error
