"""Memory: whether that of a worker stays the same over a million jobs."""

from __future__ import annotations

from bench.measure import resident_mib
from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

PART, PARTS = 250_000, 4


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:  # noqa: ARG001
    """Drain a million jobs by one worker, a quarter at a time; look at it after the first and last.

    Its memory after the first quarter is what it needs to work at full speed.
    """
    part = bench.sizes.jobs(PART)
    with (
        bench.place(system, store) as place,
        bench.tally() as (path, tally),
        bench.working(place, path) as worker,
    ):
        looks: list[float] = []
        for number in range(1, PARTS + 1):
            bench.fill(place, part)
            bench.wait_for(tally, number * part, worker)
            looks.append(resident_mib(worker.pid))
    return {
        "grown_mib": max(looks[-1] - looks[0], 0.001),
        "first_mib": looks[0],
        "last_mib": looks[-1],
        "jobs": PARTS * part,
    }


SCENARIO = Scenario(
    "memory",
    "growth of a worker over 1,000,000 jobs",
    run,
    headline="grown_mib",
    stores=("postgres",),
    only=("soniq",),
    runs=1,
)
