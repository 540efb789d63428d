"""W5: how long a job takes from the call that enqueues it to the start of its handler elsewhere."""

from __future__ import annotations

import statistics
import time

from bench.run import RUN_SECONDS, Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

JOBS = 500
IDLE_SECONDS = 1.0


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Enqueue now and then while a worker of another process is idle.

    Within a transaction of the caller's the clock starts when its commit is asked for.
    """
    jobs = bench.sizes.jobs(JOBS, least=20)
    with (
        bench.place(system, store) as place,
        bench.tally(jobs + 1) as (path, tally),
        bench.working(place, path) as worker,
        bench.side(place, "latency", jobs=jobs, **case.parameters) as producer,
    ):
        producer.expect("ready")
        bench.wait(
            lambda: tally.total() >= 1, worker
        )  # the producer's first job: now the worker has started
        time.sleep(min(IDLE_SECONDS, bench.sizes.seconds))
        producer.go()
        told = producer.expect("done", RUN_SECONDS)
        bench.wait_for(tally, jobs + 1, worker)
        waits = [1000 * (s - c) for s, c in zip(tally.stamps(), told["called"], strict=False)]
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return {"p50_ms": cuts[49], "p99_ms": cuts[98], "worst_ms": max(waits)}


SCENARIO = Scenario(
    "w5",
    "enqueue call to handler start, idle worker in another process",
    run,
    headline="p50_ms",
    needs="latency",
    stores=("postgres", "redis", "sqlite"),
)
