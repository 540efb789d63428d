"""W4: how fast one worker process drains no-op jobs with one small argument."""

from __future__ import annotations

from bench.run import Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS = 100_000
# A file takes and gives jobs more slowly than a server.
SQLITE_JOBS = 50_000


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Fill a queue, then drain it; the clock runs from the first handler to the last settlement."""
    count = SQLITE_JOBS if store == "sqlite" else JOBS
    jobs = bench.sizes.jobs(round(count * system.share))
    processes: int = bench.sizes.processes or case.parameters["processes"]
    with bench.place(system, store) as place:
        bench.fill(place, jobs)
        return bench.drain(place, jobs, processes=processes)


SCENARIO = Scenario("w4", "drain of no-op jobs", run, cases=(Case("1 process", {"processes": 1}),))
