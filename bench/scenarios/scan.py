"""Concurrency: no-op jobs and jobs that sleep, by as many handlers at once as the case says."""

from __future__ import annotations

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
    """Drain; for sleeping jobs tell also what part of concurrency / duration is reached."""
    sleep: float = case.parameters.get("sleep", 0.0)
    ideal = case.parameters["concurrency"] / sleep if sleep else None
    jobs = bench.sizes.jobs(round(min(JOBS, ideal * SECONDS)) if ideal else JOBS)
    with bench.place(system, store) as place:
        bench.fill(place, jobs)
        figures = bench.drain(place, jobs, **case.parameters)
    if ideal:
        figures["ideal_per_s"] = ideal
        figures["of_ideal"] = figures["jobs_per_s"] / ideal
    return figures


SCENARIO = Scenario(
    "scan",
    "drain by concurrency and duration",
    run,
    stores=("postgres", "sqlite"),
    only=("soniq",),
    cases=CASES,
    runs=3,
)
