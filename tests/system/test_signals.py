"""What SIGTERM and SIGINT do to workers, alone and under a supervisor."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections import Counter

import pytest

from soniq import JobStatus, Soniq
from tests.support.jobs import job_of, until
from tests.support.outage import breakable, wire_to
from tests.system.conftest import Fleet, ended

SHAPES = {"alone": (), "supervised": ("--processes", "2")}
# The exit of a process on a busy machine, beyond the promise of two seconds.
SLACK = 1.0

pytestmark = pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES.keys())
Options = tuple[str, ...]


async def at_work(fleet: Fleet, producer: Soniq, process: subprocess.Popen[bytes]) -> None:
    """Return when all workers of the process are registered and something has happened."""

    async def started() -> bool:
        return bool(fleet.lines()) and len(await producer.list_workers()) == workers_of(process)

    await until(started)


def workers_of(process: subprocess.Popen[bytes]) -> int:
    """Return how many workers it was told to run: one that is idle may have ended already."""
    return 2 if "--processes" in process.args else 1  # type: ignore[operator]


async def draining(fleet: Fleet, process: subprocess.Popen[bytes]) -> None:
    """Return when every worker of the process has understood the first signal."""

    async def drains() -> bool:
        return fleet.log(0).count("finishing running jobs") == workers_of(process)

    await until(drains)


async def unclaimed(producer: Soniq) -> list[str]:
    """Return the numbers of the jobs that wait as if they had never been claimed."""
    waiting: list[str] = []
    while page := await producer.list_jobs(status="queued", limit=1000, offset=len(waiting)):
        assert {job.attempts for job in page} == {0}
        waiting += [str(job.args["number"]) for job in page]
    return waiting


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_under_load_loses_nothing(
    fleet: Fleet, producer: Soniq, options: Options, number: signal.Signals
) -> None:
    """Exit code 0; each job was run once or waits as if it had never been claimed."""
    jobs = 4000
    await producer.enqueue_many("slower.one", [{"number": n} for n in range(jobs)])
    process = fleet.start("--concurrency", "50", *options)
    await at_work(fleet, producer, process)
    process.send_signal(number)
    assert await ended(process, 10) == 0
    lines = fleet.lines()
    assert 0 < len(lines) < jobs
    waiting = await unclaimed(producer)
    assert Counter(lines) + Counter(waiting) == Counter(str(n) for n in range(jobs))
    assert await producer.list_workers() == []


async def test_long_job_is_stopped_and_handed_back(
    fleet: Fleet, producer: Soniq, options: Options
) -> None:
    """After shutdown_timeout its handler is cancelled, and the job waits, attempt unspent."""
    job_id = await producer.enqueue("hang.async")
    process = fleet.start(*options, SONIQ_SHUTDOWN_TIMEOUT="0.5")
    await at_work(fleet, producer, process)
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert await ended(process, 10) == 0
    assert 0.5 <= time.monotonic() - asked < 0.5 + 2 + SLACK
    assert fleet.lines() == ["started 1", "stopped"]
    job = await job_of(producer, job_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


@pytest.mark.parametrize("name", ["hang.async", "hang.sync"])
async def test_second_signal_ends_the_worker_at_once(
    fleet: Fleet, producer: Soniq, options: Options, name: str
) -> None:
    """Asked twice, a worker is gone within two seconds; asking on and on changes nothing."""
    job_id = await producer.enqueue(name)
    process = fleet.start(*options)
    await at_work(fleet, producer, process)
    process.send_signal(signal.SIGTERM)
    await draining(fleet, process)
    asked = time.monotonic()
    while process.poll() is None and time.monotonic() - asked < 10:
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.005)  # an angry operator's pause
    assert time.monotonic() - asked < 2 + SLACK
    job = await job_of(producer, job_id)
    if name == "hang.async":
        assert process.returncode == 0
        assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)
    else:
        # A thread can't be stopped: its job waits for the lease, and the exit code says so.
        assert process.returncode == 1
        assert (job.status, job.attempts) == (JobStatus.PROCESSING, 1)


@pytest.mark.parametrize("system_url", ["postgres"], indirect=True)  # where a claim takes time
async def test_both_signals_at_once(fleet: Fleet, producer: Soniq, options: Options) -> None:
    """A second signal on the heels of the first finds the claim under way: its jobs go back."""
    jobs = 2000
    await producer.enqueue_many("slower.one", [{"number": n} for n in range(jobs)])
    process = fleet.start("--concurrency", "50", *options)
    await at_work(fleet, producer, process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert await ended(process, 10) == 0
    stats = await producer.get_queue_stats()
    assert stats["default"]["done"] + len(await unclaimed(producer)) == jobs


@pytest.mark.parametrize("system_url", ["sqlite"], indirect=True)  # it is the same on all
@pytest.mark.parametrize("name", ["hang.swallowing", "hang.finally", "hang.loop"])
async def test_handler_that_will_not_end_is_left_behind(
    fleet: Fleet, producer: Soniq, options: Options, name: str
) -> None:
    """Gone two seconds after shutdown_timeout with exit code 1, even from a blocked event loop."""
    job_id = await producer.enqueue(name)
    process = fleet.start(*options, SONIQ_SHUTDOWN_TIMEOUT="0.5")
    await at_work(fleet, producer, process)
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert await ended(process, 10) == 1
    assert 0.5 <= time.monotonic() - asked < 0.5 + 2 + SLACK
    assert (await job_of(producer, job_id)).status is JobStatus.PROCESSING


@pytest.mark.parametrize("system_url", ["sqlite"], indirect=True)  # it is the same on all
async def test_thread_of_the_users_cannot_hold_up_the_exit(
    fleet: Fleet, producer: Soniq, options: Options
) -> None:
    """A coroutine function that waits for a thread is cancelled; the thread is left behind."""
    job_id = await producer.enqueue("hang.lent")
    process = fleet.start(*options)
    await at_work(fleet, producer, process)
    process.send_signal(signal.SIGTERM)
    await draining(fleet, process)
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert await ended(process, 10) == 0
    assert time.monotonic() - asked < 2 + SLACK
    job = await job_of(producer, job_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


@pytest.mark.parametrize("system_url", ["sqlite"], indirect=True)  # it is the same on all
async def test_signal_while_the_app_is_imported(fleet: Fleet, options: Options) -> None:
    """Nothing is held yet: the process ends at once, with exit code 0."""
    process = fleet.start(*options, SLOW_IMPORT="600")

    async def importing() -> bool:
        return bool(fleet.lines())

    await until(importing)
    process.send_signal(signal.SIGTERM)
    assert await ended(process, 2 + SLACK) == 0


@pytest.mark.parametrize("system_url", ["sqlite"], indirect=True)  # it is the same on all
async def test_signal_before_the_worker_is_registered(
    fleet: Fleet, options: Options, postgres_url: str
) -> None:
    """A database that never answered keeps a worker from starting, but not from ending."""
    async with wire_to(postgres_url) as (wire, url):
        wire.silence()
        process = fleet.start(*options, SONIQ_DATABASE_URL=url)

        async def starts() -> bool:
            return "concurrency 10" in fleet.log(0)

        await until(starts)
        process.send_signal(signal.SIGTERM)
        assert await ended(process, 2 + SLACK) == 0


@pytest.mark.parametrize("signals", [1, 2])
async def test_signals_while_the_database_is_away(
    fleet: Fleet, producer: Soniq, system_url: str, options: Options, signals: int
) -> None:
    """In time all the same, with exit code 1: the job is left to the lease."""
    timeout = 0.5 if signals == 1 else 30
    async with breakable(system_url) as (url, cut):
        job_id = await producer.enqueue("hang.async")
        process = fleet.start(*options, SONIQ_DATABASE_URL=url, SONIQ_SHUTDOWN_TIMEOUT=str(timeout))
        await at_work(fleet, producer, process)
        cut()
        process.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        if signals == 2:
            await draining(fleet, process)
            process.send_signal(signal.SIGTERM)
            asked, timeout = time.monotonic(), 0
        assert await ended(process, 10) == 1
        assert time.monotonic() - asked < timeout + 2 + SLACK
    assert (await job_of(producer, job_id)).status is JobStatus.PROCESSING
