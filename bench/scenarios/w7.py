"""W7: drain while somebody holds a snapshot that keeps every dead row alive.

A transaction of REPEATABLE READ is begun and kept open; 200,000 jobs are drained, whose dead rows
and index entries nobody may clear away; then the drain of further jobs is measured.
"""

from __future__ import annotations

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

DEAD = JOBS = 200_000


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:  # noqa: ARG001
    """Drain with or without the snapshot; both over what an equal drain has left behind."""
    with bench.place(system, store) as place, bench.snapshot(place, held=system.options["held"]):
        dead = bench.sizes.jobs(DEAD)
        bench.fill(place, dead)
        bench.drain(place, dead)
        jobs = bench.sizes.jobs(JOBS)
        bench.fill(place, jobs)
        return bench.drain(place, jobs)


SCENARIO = Scenario(
    "w7",
    "drain over 200,000 dead rows",
    run,
    stores=("postgres",),
    only=("soniq", "pgqueuer"),
    base="no snapshot held",
    cases=(
        Case(variants={"no snapshot held": {"held": False}, "a snapshot held": {"held": True}}),
    ),
    runs=5,
)
