"""W6: whether the drain stays as fast with a million jobs in the queue.

The jobs are made by the database itself; a worker then drains some of them, and the clock stops
when so many handlers have run, as the queue does not run empty. The shapes of the queue take turns.
"""

from __future__ import annotations

from typing import Any

from bench.run import Bench, Figures, Place
from bench.scenario import Case, Scenario
from bench.systems import Store, System

# Seconds of work, also for the quick: the first claims, which are small, shall not count for much.
BACKLOG, DRAINED = 1_000_000, 200_000
# Ids rise in the order of the jobs, as those that Soniq makes do (RFC 9562, version 7).
SONIQ = """
INSERT INTO soniq_jobs
    (id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at)
SELECT (
        lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || '70008000' || lpad(to_hex(n), 12, '0')
    )::uuid,
    'bench.nothing', {queue}, {priority}, now() + {delay}, json_build_object('number', n), 4, now()
FROM generate_series({first}, {last}) AS n
"""
PGQUEUER = """
INSERT INTO pgqueuer (priority, entrypoint, payload, status, execute_after)
SELECT {priority}, 'nothing', convert_to(n::text, 'UTF8'), 'queued', now() + {delay}
FROM generate_series({first}, {last}) AS n
"""
SHAPES: dict[str, dict[str, Any]] = {
    "few queued": {"backlog": 0},
    "1,000,000 queued": {},
    "1,000,000 for tomorrow at priority 1": {"delay": "interval '1 day'", "priority": "1"},
    "100 queues": {"queue": "'queue' || n % 100"},
    "1,000 priorities": {"priority": "1 + n % 1000"},
}
TABLES = {"soniq": (SONIQ, "soniq_jobs"), "pgqueuer": (PGQUEUER, "pgqueuer")}


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:  # noqa: ARG001
    """Fill the queue in the shape that is asked for, then drain a part of it."""
    shape: dict[str, Any] = dict(system.options["shape"])
    if system.adapter != "soniq":
        shape.pop("queue", None)  # it has no queues: its figure is that of one
    jobs = bench.sizes.jobs(DRAINED)
    with bench.place(system, store) as place:
        prefill(bench, place, jobs, shape)
        return bench.drain(place, jobs, part=True)


def prefill(bench: Bench, place: Place, jobs: int, asked: dict[str, Any]) -> None:
    """Make the backlog, and where it is not due, the jobs that are."""
    statement, table = TABLES[place.system.adapter]
    shape = {"queue": "'default'", "priority": "100", "delay": "interval '0'"}
    given = dict(asked)
    backlog = bench.sizes.jobs(given.pop("backlog", BACKLOG), least=2 * jobs)
    postgres = bench.postgres
    filled = statement.format(**(shape | given), first=1, last=backlog)
    postgres.execute(filled, place.url)
    if "delay" in given:
        due = statement.format(**shape, first=backlog + 1, last=backlog + 2 * jobs)
        postgres.execute(due, place.url)
    postgres.execute(f"VACUUM ANALYZE {table}", place.url)
    postgres.execute("CHECKPOINT")


SCENARIO = Scenario(
    "w6",
    "drain of a part of a long queue",
    run,
    stores=("postgres",),
    only=("soniq", "pgqueuer"),
    base="few queued",
    cases=(Case(variants={name: {"shape": shape} for name, shape in SHAPES.items()}),),
    runs=5,
)
