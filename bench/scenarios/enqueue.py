"""W1, W2, W3: enqueue one job after the other, from 50 tasks at once, and in bulk."""

from __future__ import annotations

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS, BULK, TASKS = 5_000, 50_000, 50
STORES: tuple[Store, ...] = ("postgres", "redis", "sqlite")


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Enqueue in a process of its own, while no worker runs."""
    command: str = case.parameters["command"]
    count: int = case.parameters["jobs"]
    jobs = bench.sizes.jobs(round(count * system.share) if command == "bulk" else count)
    with bench.place(system, store) as place:
        return bench.produce(place, command, jobs, tasks=TASKS)


def scenario(name: str, title: str, command: str, jobs: int) -> Scenario:
    """Return the scenario of one way to enqueue."""
    case = Case("", {"command": command, "jobs": jobs})
    return Scenario(name, title, run, base="INSERT", needs=command, stores=STORES, cases=(case,))
