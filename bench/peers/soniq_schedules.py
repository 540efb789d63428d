"""What schedules of Soniq cost: a pass over many of them, and how late ticks are fired."""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import sys
import time

from bench.peers.protocol import say
from soniq import Soniq
from soniq.scheduler.loop import BATCH, SchedulerLoop

BEATS = 10
PASSES = 20


async def passes(app: Soniq, schedules: int, due: int) -> None:
    """Time look, plan and fire among so many schedules, of which some are due."""
    for number in range(schedules):
        cron = f"{number % 60} {number // 60 % 24} * * *"
        await app.scheduler.add(f"bench.cron.{number}", cron=cron)
    for number in range(due):
        await app.scheduler.add(f"bench.due.{number}", every=1)
    times: list[float] = []
    for _ in range(PASSES if schedules > BEATS else 1):
        await asyncio.sleep(1.1 if due else 0.0)
        loop = SchedulerLoop(app.backend, app.scheduler, events=app.events, clock=app.clock)
        started = time.perf_counter()
        firings = loop.plans(await app.backend.schedules.agenda((), limit=BATCH))
        if firings:
            await loop.fire(firings)
        times.append(1000 * (time.perf_counter() - started))
    say("done", figures={"p50_ms": statistics.median(times), "worst_ms": max(times)})


async def lateness(app: Soniq, seconds: float) -> None:
    """Fire ten schedules every second for a while; tell how late the jobs were made."""
    for number in range(BEATS):
        await app.scheduler.add(f"bench.beat.{number}", every=1)
        await asyncio.sleep(0.083)
    stop = asyncio.Event()
    scheduler = asyncio.create_task(app.run_scheduler(stop=stop))
    await asyncio.sleep(seconds)
    stop.set()
    await scheduler
    late: list[float] = []
    for number in range(BEATS):
        jobs = await app.list_jobs(name=f"bench.beat.{number}", limit=1000)
        late += [1000 * (job.created_at - job.scheduled_at).total_seconds() for job in jobs]
    cuts = statistics.quantiles(late, n=100, method="inclusive")
    say("done", figures={"p50_ms": cuts[49], "p99_ms": cuts[98], "worst_ms": max(late)})


async def main() -> None:
    """Carry out one command: ``passes`` or ``lateness``."""
    parameters = json.loads(sys.argv[2])
    logging.disable()  # of missed ticks: driven by hand, they are late
    async with Soniq(database_url=parameters["url"], enqueue_validation="none") as app:
        if sys.argv[1] == "passes":
            await passes(app, parameters["schedules"], parameters["due"])
        else:
            await lateness(app, parameters["seconds"])


if __name__ == "__main__":
    asyncio.run(main())
