"""W2 within transactions: 32 clients, each enqueues inside transactions of its own."""

from __future__ import annotations

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS, CLIENTS = 10_000, 32


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Begin, enqueue, commit, by 32 connections of one process."""
    clients: int = case.parameters["clients"]
    with bench.place(system, store) as place:
        return bench.produce(place, "within", bench.sizes.jobs(JOBS), clients=clients)


SCENARIO = Scenario(
    "w2t",
    "32 clients enqueue inside transactions of their own",
    run,
    base="INSERT",
    needs="within",
    stores=("postgres",),
    cases=(Case("", {"clients": CLIENTS}),),
)
