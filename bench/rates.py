"""First rates: bulk and single enqueue, drain of no-op jobs by one worker process, defaults.

    uv run python bench/rates.py sqlite:///bench.db
    uv run python bench/rates.py postgresql://user@host/name --jobs 20000 --runs 5

The database is set up if need be. Prints the median of the runs; compare figures of one session on
one machine only.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from soniq import Soniq

CALLERS = 50


@asynccontextmanager
async def timed(figures: list[float], jobs: int) -> AsyncIterator[None]:
    """Add the jobs per second of the body to the figures."""
    started = time.perf_counter()
    yield
    figures.append(jobs / (time.perf_counter() - started))


async def measure(app: Soniq, jobs: int, runs: int) -> dict[str, list[float]]:
    """Return the figures of all runs by what was measured."""

    @app.job(name="bench.nothing")
    async def nothing(number: int) -> None:
        """Do nothing."""

    async def enqueue(number: int) -> None:
        for n in range(number):
            await app.enqueue(nothing, number=n)

    figures: dict[str, list[float]] = {"bulk": [], "drain": [], "one by one": [], "50 at once": []}
    few = max(jobs // 10, CALLERS)
    for _ in range(runs):
        async with timed(figures["bulk"], jobs):
            await app.enqueue_many(nothing, [{"number": n} for n in range(jobs)])
        async with timed(figures["drain"], jobs):
            await app.run_worker(run_once=True)
        async with timed(figures["one by one"], few):
            await enqueue(few)
        async with timed(figures["50 at once"], few):
            await asyncio.gather(*(enqueue(few // CALLERS) for _ in range(CALLERS)))
        await app.run_worker(run_once=True)
    return figures


async def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database_url")
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    app = Soniq(database_url=given.database_url)
    await app.setup()
    async with app:
        for what, figures in (await measure(app, given.jobs, given.runs)).items():
            spread = f"{min(figures):,.0f} to {max(figures):,.0f}"
            print(f"{what:12} {statistics.median(figures):>10,.0f} jobs/s  ({spread})")


if __name__ == "__main__":
    asyncio.run(main())
