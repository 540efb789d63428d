"""Schedules: a pass of the scheduler over 10,000 of them, and how late ticks are fired."""

from __future__ import annotations

from typing import Any

from bench.run import RUN_SECONDS, Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

SCHEDULES = 10_000


def run_pass(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Look, plan and fire where 0, 10 or 100 of the schedules are due."""
    schedules = bench.sizes.jobs(SCHEDULES, least=10)
    return told(bench, system, store, "passes", schedules=schedules, **case.parameters)


def run_late(bench: Bench, system: System, store: Store, case: Case) -> Figures:  # noqa: ARG001
    """Fire ten schedules each second."""
    return told(bench, system, store, "lateness", seconds=bench.sizes.seconds)


def told(bench: Bench, system: System, store: Store, command: str, **parameters: Any) -> Figures:
    """Return the figures that the process of the schedules tells."""
    with (
        bench.place(system, store) as place,
        bench.side(place, command, module="bench.peers.soniq_schedules", **parameters) as side,
    ):
        figures: Figures = side.expect("done", RUN_SECONDS)["figures"]
    return figures


PASS = Scenario(
    "schedules",
    "a pass over 10,000 schedules",
    run_pass,
    headline="p50_ms",
    stores=("postgres", "sqlite"),
    only=("soniq",),
    cases=tuple(Case(f"{due} due", {"due": due}) for due in (0, 10, 100)),
    runs=1,
)
LATE = Scenario(
    "lateness",
    "how late ten schedules each second are fired",
    run_late,
    headline="p50_ms",
    stores=("postgres", "sqlite"),
    only=("soniq",),
    runs=1,
)
