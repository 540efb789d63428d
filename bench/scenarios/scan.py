"""Concurrency: no-op jobs and jobs that sleep, by as many handlers at once as the case says."""

from __future__ import annotations

import asyncio
import time

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS = 30_000
# A case lasts so long where nothing but its sleeps limits it.
SECONDS = 3.0
CASES = (
    *(Case(f"no-op, concurrency {n:,}", {"concurrency": n}) for n in (1, 10, 100, 1000)),
    *(
        Case(f"{1000 * s:.0f} ms, concurrency {n:,}", {"concurrency": n, "sleep": s})
        for s in (0.001, 0.1)
        for n in (10, 100, 1000)
    ),
)


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Drain; for sleeping jobs tell also what part of concurrency / duration is reached.

    And what part of the rate at which an event loop does the same sleeps without any queue.
    """
    sleep: float = case.parameters.get("sleep", 0.0)
    ideal = case.parameters["concurrency"] / sleep if sleep else None
    jobs = bench.sizes.jobs(round(min(JOBS, ideal * SECONDS)) if ideal else JOBS)
    with bench.place(system, store) as place:
        bench.fill(place, jobs)
        figures = bench.drain(place, jobs, **case.parameters)
    if ideal:
        figures["ideal_per_s"] = ideal
        figures["of_ideal"] = figures["jobs_per_s"] / ideal
        figures["loop_per_s"] = asyncio.run(asleep(sleep, case.parameters["concurrency"], jobs))
        figures["of_loop"] = figures["jobs_per_s"] / figures["loop_per_s"]
    return figures


async def asleep(seconds: float, concurrency: int, times: int) -> float:
    """Sleep so many times, in so many tasks; return how often a second that went."""
    left = iter(range(times))

    async def one_after_the_other() -> None:
        for _ in left:
            await asyncio.sleep(seconds)

    began = time.monotonic()
    await asyncio.gather(*(one_after_the_other() for _ in range(concurrency)))
    return times / (time.monotonic() - began)


SCENARIO = Scenario(
    "scan",
    "drain by concurrency and duration",
    run,
    stores=("postgres", "sqlite"),
    only=("soniq",),
    cases=CASES,
    runs=3,
)
