"""Handlers that are plain functions: in threads, and in processes of their own."""

from __future__ import annotations

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS = {"thread": 30_000, "process": 10_000}


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Drain no-op functions."""
    executor: str = case.parameters["executor"]
    jobs = bench.sizes.jobs(JOBS[executor])
    with bench.place(system, store) as place:
        bench.fill(place, jobs)
        return bench.drain(place, jobs, executor=executor)


SCENARIO = Scenario(
    "executors",
    "drain of no-op functions",
    run,
    stores=("postgres",),
    only=("soniq",),
    cases=(
        Case("in threads", {"executor": "thread"}),
        Case("in processes", {"executor": "process"}),
    ),
)
