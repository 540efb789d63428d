"""What schedules cost: a pass over 10,000 of them, and how late ticks are fired.

    uv run python bench/schedules.py postgresql://user@host/name
    uv run python bench/schedules.py sqlite:///bench.db --only pass

The database is set up if need be; its schedules and jobs are deleted. Compare figures of one
session on one machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import time

from soniq import Soniq
from soniq.scheduler.loop import BATCH, SchedulerLoop

SCHEDULES = 10_000
RUNS = 20
BEATS, BEAT_SECONDS = 10, 30.0


def scheduler_of(app: Soniq) -> SchedulerLoop:
    """Return a scheduler that is driven by hand."""
    return SchedulerLoop(app.backend, app.scheduler, events=app.events, clock=app.clock)


async def clear(app: Soniq) -> None:
    """Delete all schedules."""
    for schedule in await app.scheduler.list():
        await app.scheduler.remove(schedule.name)


async def passes(app: Soniq) -> None:
    """Time look, plan and fire among 10,000 schedules, of which 0, 10 and 100 are due."""
    for number in range(SCHEDULES):
        cron = f"{number % 60} {number // 60 % 24} * * *"
        await app.scheduler.add(f"bench.cron.{number}", cron=cron)
    for due in (0, 10, BATCH):
        for number in range(due):
            await app.scheduler.add(f"bench.due.{number}", every=1)
        times: list[float] = []
        for _ in range(RUNS):
            if due:
                await asyncio.sleep(1.1)
            loop = scheduler_of(app)
            started = time.perf_counter()
            firings = loop.plans(await app.backend.schedules.agenda((), limit=BATCH))
            if firings:
                await loop.fire(firings)
            times.append(1000 * (time.perf_counter() - started))
            if len(firings) != due:
                print(f"  {len(firings)} of {due} were due")
        print(
            f"pass with {due:3} of {SCHEDULES:,} due: median {statistics.median(times):.1f} ms, "
            f"worst {max(times):.1f} ms"
        )


async def lateness(app: Soniq) -> None:
    """Fire ten schedules every second for half a minute; print how late the jobs were made."""
    for number in range(BEATS):
        await app.scheduler.add(f"bench.beat.{number}", every=1)
        await asyncio.sleep(0.083)
    stop = asyncio.Event()
    scheduler = asyncio.create_task(app.run_scheduler(stop=stop))
    await asyncio.sleep(BEAT_SECONDS)
    stop.set()
    await scheduler
    late: list[float] = []
    for number in range(BEATS):
        jobs = await app.list_jobs(name=f"bench.beat.{number}", limit=1000)
        late += [1000 * (job.created_at - job.scheduled_at).total_seconds() for job in jobs]
    cuts = statistics.quantiles(late, n=100)
    print(
        f"lateness of {len(late)} ticks: median {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, "
        f"worst {max(late):.1f} ms"
    )


async def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--only", choices=["pass", "late"], help="one figure")
    given = parser.parse_args()
    parts = {"late": lateness, "pass": passes}
    logging.disable()  # of missed ticks: driven by hand, they are late
    app = Soniq(database_url=given.url, enqueue_validation="none")
    await app.setup()
    async with app:
        for name, part in parts.items():
            if given.only in {None, name}:
                await clear(app)
                await part(app)
        await clear(app)


if __name__ == "__main__":
    asyncio.run(main())
