"""Growth: one PostgreSQL, more and more worker processes, and a network in between.

The workers are there first, idle and listening. Then all jobs appear by one commit, and the clock
runs from the first handler until all have run and are settled.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg

from bench.measure import Sample
from bench.peers.soniq import NAME, UNSETTLED
from bench.run import Bench, Figures, Place
from bench.scenario import Case, Scenario
from bench.scenarios.enqueue import JOBS as ENQUEUED
from bench.scenarios.enqueue import TASKS
from bench.side import Side
from bench.systems import Store, System
from soniq import Soniq

JOBS = 100_000
PROCESSES = (1, 2, 4, 8, 16, 32, 64)
FAR_PROCESSES = (1, 8, 64)
ROUND_TRIPS = (1, 5, 20)
# One task that waits for each job: as many as it enqueues in about this time.
ALONE_SECONDS = 10.0
IDLE_SECONDS = 1.0
TRIPS = 21
LISTENING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'soniq-listen'
"""
CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name IN ('soniq', 'soniq-listen')
"""
# Ids in the order of time, as Soniq's own are.
APPEAR = """
INSERT INTO soniq_jobs
    (id, job_name, queue, priority, scheduled_at, args, max_attempts, created_at)
SELECT (
        lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15)
    )::uuid,
    $1, 'default', 100, now(), json_build_object('number', n), 4, now()
FROM generate_series(1, $2::integer) AS n
"""


def run(bench: Bench, system: System, store: Store, case: Case) -> Figures:
    """Drain by so many processes, or enqueue by one, at the distance that case or row says."""
    given = {**case.parameters, **system.options}
    with (
        bench.place(system, store) as place,
        at_distance(bench, place, given["round_trip_ms"]) as far,
    ):
        trip = {"trip_ms": asyncio.run(trip_ms(far.url))}
        if "command" in given:
            return enqueue(bench, far, given["command"], given["round_trip_ms"]) | trip
        return drain(bench, far, place, given["processes"]) | trip


@contextmanager
def at_distance(bench: Bench, place: Place, round_trip_ms: float | None) -> Generator[Place]:
    """Give the place as it is seen from afar; None: from where it is."""
    if round_trip_ms is None:
        yield place
        return
    with bench.side(place, "serve", module="bench.delay", round_trip_ms=round_trip_ms) as link:
        port = link.expect("ready")["port"]
        parts = urlsplit(place.url)
        user = parts.netloc.rpartition("@")[0]
        yield replace(place, url=parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl())


async def trip_ms(url: str) -> float:
    """Return what the shortest of all statements takes: the distance as it is, not as asked for."""
    connection = await asyncpg.connect(url)
    times: list[float] = []
    for _ in range(TRIPS):
        started = time.monotonic()
        await connection.fetchval("SELECT 1")
        times.append(1000 * (time.monotonic() - started))
    await connection.close()
    return statistics.median(times[1:])  # the first one also prepares it


def enqueue(bench: Bench, far: Place, command: str, round_trip_ms: float | None) -> Figures:
    """Enqueue by one process, as W1 and W2 do."""
    jobs = ENQUEUED
    if command == "one" and round_trip_ms:
        jobs = min(jobs, round(1000 * ALONE_SECONDS / round_trip_ms))
    return bench.produce(far, command, bench.sizes.jobs(jobs), tasks=TASKS)


def drain(bench: Bench, far: Place, place: Place, processes: int) -> Figures:
    """Start the workers, let them come to rest, let the jobs appear."""
    jobs = bench.sizes.jobs(JOBS)
    postgres = bench.postgres
    with bench.tally() as (path, tally), ExitStack() as stack:
        sides = [stack.enter_context(bench.side(far, "worker", path)) for _ in range(processes)]
        for side in sides:
            side.expect("ready")
        for side in sides:
            side.go()
        bench.wait(lambda: postgres.value(LISTENING, place.url) >= processes, sides[0])
        time.sleep(min(IDLE_SECONDS, bench.sizes.seconds))
        before = asyncio.run(appear(bench, place, jobs, sides))
        bench.wait_for(tally, jobs, sides[0])
        bench.wait(lambda: not postgres.value(UNSETTLED, place.url), sides[0])
        seconds = time.monotonic() - tally.first()
        after = bench.sample(place, sides)
        connections = postgres.value(CONNECTIONS, place.url)
    cost = before.per_job(after, jobs)
    return {"jobs_per_s": jobs / seconds, **cost, "connections": connections}


async def appear(bench: Bench, place: Place, jobs: int, sides: Sequence[Side]) -> Sample:
    """Let jobs appear by one commit, which also wakes; return what was counted just before it."""
    connection = await asyncpg.connect(place.url)
    async with Soniq(database_url=place.url, enqueue_validation="none") as app:
        async with connection.transaction():
            await connection.execute(APPEAR, NAME, jobs - 1)
            await app.enqueue(NAME, args={"number": 0}, connection=connection)
            before = await asyncio.to_thread(bench.sample, place, sides)
        await connection.close()  # here, so that the app sees the commit before it ends
    return before


def by_processes(counts: Sequence[int]) -> dict[str, dict[str, int]]:
    """Return a row for each number of processes."""
    return {f"{n} process{'es' if n > 1 else ''}": {"processes": n} for n in counts}


def drains(round_trip_ms: float, name: str) -> Case:
    """Return the drains at one distance."""
    given = {"round_trip_ms": round_trip_ms}
    return Case(f"drain, {name}", given, by_processes(FAR_PROCESSES))


def enqueues(name: str, command: str) -> Case:
    """Return the enqueues by one process, a row for each distance."""
    rows: dict[str, dict[str, int | None]] = {NEAR: {"round_trip_ms": None}}
    rows |= {f"{ms} ms": {"round_trip_ms": ms} for ms in ROUND_TRIPS}
    return Case(f"enqueue {name}", {"command": command}, rows, NEAR)


NEAR = "no proxy"
SCENARIO = Scenario(
    "growth",
    "more worker processes, and a network before the server",
    run,
    base="1 process",
    stores=("postgres",),
    only=("soniq",),
    cases=(
        Case("drain, no proxy", {"round_trip_ms": None}, by_processes(PROCESSES)),
        drains(0, "through the proxy, without delay"),
        *(drains(ms, f"{ms} ms round trip") for ms in ROUND_TRIPS),
        enqueues("one after the other (W1), by round trip", "one"),
        enqueues(f"by {TASKS} tasks at once (W2), by round trip", "concurrent"),
    ),
    runs=3,
)
