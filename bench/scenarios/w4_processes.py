"""W4 with more processes: two on a server, four on one file."""

from __future__ import annotations

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.scenarios import w4
from bench.systems import Store, System


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Drain as W4 does, by two processes; by four where all share one file."""
    processes = 4 if store == "sqlite" else 2
    return w4.run(bench, system, store, Case(case.name, {"processes": processes}))


SCENARIO = Scenario(
    "w4p",
    "drain of no-op jobs by 2 processes (SQLite: by 4 on one file)",
    run,
    stores=("postgres", "sqlite"),
    only=("soniq", "pgqueuer"),
)
