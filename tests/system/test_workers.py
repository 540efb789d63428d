"""Real ``soniq worker`` processes: many jobs, signals, kills."""

from __future__ import annotations

import gc
import signal
from collections import Counter

import pytest

from soniq import Soniq
from tests.support.jobs import until
from tests.system.conftest import Fleet, ended

JOBS = 20_000


async def enqueue_counting(producer: Soniq, name: str, number: int) -> None:
    """Enqueue jobs that are numbered from 0."""
    await producer.enqueue_many(name, [{"number": n} for n in range(number)])


async def all_done(producer: Soniq, number: int) -> bool:
    """Tell whether so many jobs are done."""
    stats = await producer.get_queue_stats()
    return stats["default"]["done"] == number


def each_exactly_once(lines: list[str], number: int) -> bool:
    """Tell whether every number stands there, and none of them twice."""
    return Counter(lines) == Counter(str(n) for n in range(number))


async def test_three_workers_run_each_job_exactly_once(fleet: Fleet, producer: Soniq) -> None:
    """20,000 jobs through three processes; SIGTERM ends each with exit code 0."""
    await enqueue_counting(producer, "count.one", JOBS)
    for _ in range(3):
        fleet.start()
    await until(lambda: all_done(producer, JOBS), patience=50)
    for process in fleet.processes:
        process.send_signal(signal.SIGTERM)
    assert [await ended(process, 10) for process in fleet.processes] == [0, 0, 0]
    assert each_exactly_once(fleet.lines(), JOBS)
    assert await producer.list_workers() == []


async def test_sigterm_in_the_middle_loses_nothing(fleet: Fleet, producer: Soniq) -> None:
    """Workers that come and go by SIGTERM: each job runs exactly once all the same."""
    number = 3000
    await enqueue_counting(producer, "slow.one", number)
    first = fleet.start("--concurrency", "20")
    second = fleet.start("--concurrency", "20")

    async def both_are_at_work() -> bool:
        registered = len(await producer.list_workers()) == 2
        return registered and len(fleet.lines()) > number // 10

    await until(both_are_at_work)
    for process in (first, second):
        process.send_signal(signal.SIGTERM)
    assert [await ended(first, 10), await ended(second, 10)] == [0, 0]
    seen = len(fleet.lines())
    assert number // 10 < seen < number
    fleet.start("--concurrency", "100", "--run-once")
    assert await ended(fleet.processes[-1], 30) == 0
    assert each_exactly_once(fleet.lines(), number)
    assert await all_done(producer, number)


async def test_kill_in_the_middle_loses_nothing(fleet: Fleet, producer: Soniq) -> None:
    """After SIGKILL others take the jobs over once the lease is out; only those may run twice."""
    number = 2000
    leases = {"SONIQ_HEARTBEAT_INTERVAL": "0.2", "SONIQ_HEARTBEAT_TIMEOUT": "1"}
    await enqueue_counting(producer, "slow.one", number)
    victim = fleet.start("--concurrency", "20", **leases)

    async def some_are_done() -> bool:
        return len(fleet.lines()) > number // 10

    await until(some_are_done)
    victim.kill()
    await ended(victim, 5)
    held = (await producer.get_queue_stats())["default"]["processing"]
    assert held > 0
    fleet.start("--concurrency", "100", **leases)
    await until(lambda: all_done(producer, number), patience=30)
    lines = fleet.lines()
    assert set(lines) == {str(n) for n in range(number)}
    assert len(lines) - number <= held


@pytest.mark.parametrize("successor", [False, True], ids=["beside", "restarted"])
async def test_a_killed_worker_is_noticed_long_before_its_lease_ends(
    fleet: Fleet, producer: Soniq, successor: bool
) -> None:
    """With a lease of ten minutes, its job starts again elsewhere: in seconds, by its lock."""
    lease = {"SONIQ_HEARTBEAT_INTERVAL": "60", "SONIQ_HEARTBEAT_TIMEOUT": "600"}
    await producer.enqueue("hang.async")
    victim = fleet.start(**lease)

    async def runs(attempt: int) -> bool:
        return f"started {attempt}" in fleet.lines()

    await until(lambda: runs(1))
    if not successor:
        fleet.start(**lease)
    victim.kill()
    await ended(victim, 5)
    if successor:
        fleet.start(**lease)
    await until(lambda: runs(2))


async def test_the_collector_passes_over_what_was_there_before_the_jobs(
    fleet: Fleet, producer: Soniq
) -> None:
    """Its pauses do not grow with the size of the app; garbage of jobs is found as ever."""
    await producer.enqueue("collector.look")
    assert await ended(fleet.start("--run-once"), 30) == 0
    assert fleet.lines() == [
        "looks at the app: False, finds what is new: True",
        "looks after 10000 new objects",
    ]


async def test_a_worker_within_a_program_leaves_its_collector_alone(app: Soniq) -> None:
    """How objects of others are found is not ours to decide."""
    before = gc.get_freeze_count(), gc.get_threshold()
    await app.run_worker(run_once=True)
    assert (gc.get_freeze_count(), gc.get_threshold()) == before
