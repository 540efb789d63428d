"""W7 for long: 500 jobs a second under a held snapshot, and how late jobs start in the end."""

from __future__ import annotations

import statistics

from bench.run import RUN_SECONDS, Bench, Figures
from bench.scenario import Case, Scenario
from bench.systems import Store, System

RATE = 500


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Enqueue at a steady rate; the figures are those of the last fifth of the time."""
    jobs = max(100, round(60 * bench.sizes.minutes * RATE))
    with (
        bench.place(system, store) as place,
        bench.snapshot(place, held=case.parameters["held"]),
        bench.tally(jobs + 1) as (path, tally),
        bench.working(place, path) as worker,
        bench.side(place, "latency", jobs=jobs, rate=RATE) as producer,
    ):
        producer.expect("ready")
        bench.wait_for(tally, 1, worker)
        before = bench.sample(place, [worker])
        producer.go()
        told = producer.expect("done", 60 * bench.sizes.minutes * 3 + RUN_SECONDS)
        bench.wait_for(tally, jobs + 1, worker)
        after = bench.sample(place, [worker])
        waits = [1000 * (s - c) for s, c in zip(tally.stamps(), told["called"], strict=False)]
    late = waits[-len(waits) // 5 :]
    cuts = statistics.quantiles(late, n=100, method="inclusive")
    figures = {"p99_ms": cuts[98], "p50_ms": cuts[49], "worst_ms": max(waits)}
    return figures | before.per_job(after, jobs)


SCENARIO = Scenario(
    "w7l",
    "500 jobs/s for minutes, enqueue to start in the last fifth of the time",
    run,
    headline="p99_ms",
    needs="latency",
    stores=("postgres",),
    only=("soniq", "pgqueuer"),
    cases=(Case("a snapshot held", {"held": True}),),
    runs=1,
    seldom=True,
)
