"""W8: what a worker costs that has nothing to do."""

from __future__ import annotations

import time

from bench.run import Bench, Figures, Place
from bench.scenario import Case, Scenario
from bench.systems import Store, System

# A server's process tells its counters 10 s after it has fallen idle (PGSTAT_IDLE_INTERVAL of
# PostgreSQL's pgstat.c): what a worker did as it started must not be taken for what it does idle.
STARTED_SECONDS = 12.0


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:  # noqa: ARG001
    """Look at an idle worker for a while, after it has come to rest.

    What the server and the looking itself do is counted before it starts, and taken off.
    """
    seconds = bench.sizes.seconds
    with bench.place(system, store) as place, bench.tally() as (path, _):
        nobodys = count(bench, place, seconds)
        with bench.working(place, path) as worker:
            time.sleep(min(STARTED_SECONDS, seconds))
            before = bench.sample(place, [worker])
            transactions = count(bench, place, seconds)
            after = bench.sample(place, [worker])
    figures = {"cpu_percent": 100 * (after.workers - before.workers) / seconds}
    if store == "postgres":
        figures["server_cpu_percent"] = 100 * (after.server - before.server) / seconds
        figures["transactions_per_s"] = max(transactions - nobodys, 0) / seconds
    return figures


def count(bench: Bench, place: Place, seconds: float) -> int:
    """Wait, and return how many transactions there were meanwhile."""
    before = bench.transactions(place)
    time.sleep(seconds)
    return bench.transactions(place) - before


SCENARIO = Scenario(
    "w8",
    "an idle worker",
    run,
    headline="cpu_percent",
    stores=("postgres", "redis", "sqlite"),
    runs=3,
)
