"""``soniq worker --processes`` as real processes: crashes, recycling, orphans."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections import Counter
from functools import partial

import psutil
import pytest

from soniq import JobStatus, Soniq
from tests.support.jobs import job_of, until
from tests.system.conftest import APP, ROOT, SONIQ, Fleet, children, ended

on_sqlite = pytest.mark.parametrize("system_url", ["sqlite"], indirect=True)
ENDED = re.compile(r"(\d+) worker process\(es\), (\d+) crashed, (\d+) replaced: (\d+) done")


async def workers(producer: Soniq, number: int, *, but: int = 0) -> list[int]:
    """Return the pids of the living workers once there are so many, none of them ``but``."""
    pids: list[int] = []

    async def there() -> bool:
        pids[:] = [worker.pid for worker in await producer.list_workers() if worker.alive]
        return len(pids) == number and but not in pids

    await until(there)
    return pids


async def happened(fleet: Fleet, number: int) -> None:
    """Return when so many lines have been noted."""

    async def noted() -> bool:
        return len(fleet.lines()) >= number

    await until(noted, patience=40)


async def drain(fleet: Fleet, number: int) -> bool:
    """Tell whether so many workers have said that they finish what runs."""
    return fleet.log(0).count("SIGTERM: finishing running jobs") == number


def total(fleet: Fleet) -> tuple[int, ...]:
    """Return what the supervisor summed up: processes, crashed, replaced, jobs done."""
    found = ENDED.search(fleet.log(0))
    assert found is not None, fleet.log(0)
    return tuple(int(number) for number in found.groups())


async def test_a_killed_worker_is_replaced(fleet: Fleet, producer: Soniq) -> None:
    """Another one takes its place, the job goes on, and the last line counts the crash."""
    job_id = await producer.enqueue("hang.async")
    supervisor = fleet.start("--processes", "2", SONIQ_SHUTDOWN_TIMEOUT="0.2")
    await workers(producer, 2)
    await happened(fleet, 1)
    victim = (await job_of(producer, job_id)).worker_id
    [pid] = [worker.pid for worker in await producer.list_workers() if worker.id == victim]
    os.kill(pid, signal.SIGKILL)
    await happened(fleet, 2)
    assert fleet.lines() == ["started 1", "started 2"]
    await workers(producer, 2, but=pid)
    supervisor.send_signal(signal.SIGTERM)
    assert await ended(supervisor, 10) == 0
    assert f"Worker {pid} was killed by SIGKILL" in fleet.log(0)
    assert total(fleet) == (3, 1, 1, 0)
    job = await job_of(producer, job_id)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 1)


async def test_workers_outlive_their_supervisor_no_longer_than_their_jobs(
    fleet: Fleet, producer: Soniq
) -> None:
    """When the supervisor is killed they drain, as if they had been asked to."""
    supervisor = fleet.start("--processes", "2")
    await workers(producer, 2)
    orphans = children(supervisor)
    job_id = await producer.enqueue("last.second")
    await happened(fleet, 1)
    supervisor.kill()
    await ended(supervisor, 5)
    _, alive = psutil.wait_procs(orphans, timeout=10)
    assert alive == []
    assert fleet.lines() == ["started", "finished"]
    assert (await job_of(producer, job_id)).status is JobStatus.DONE
    assert await producer.list_workers() == []


@on_sqlite
@pytest.mark.parametrize("to", ["group", "everyone"])
async def test_a_signal_to_all_is_one_signal(fleet: Fleet, producer: Soniq, to: str) -> None:
    """Ctrl-C reaches a terminal's whole group, and init systems signal each process: all drain."""
    supervisor = fleet.start("--processes", "2", apart=True)
    await workers(producer, 2)
    await producer.enqueue("last.second")
    await happened(fleet, 1)
    if to == "group":
        os.killpg(supervisor.pid, signal.SIGINT)
    else:
        supervisor.send_signal(signal.SIGTERM)
        await until(partial(drain, fleet, 2))
        for worker in children(supervisor):
            worker.send_signal(signal.SIGTERM)
    assert await ended(supervisor, 10) == 0
    assert fleet.lines() == ["started", "finished"]
    assert total(fleet) == (2, 0, 0, 1)


@on_sqlite
async def test_a_worker_that_does_not_end_is_killed(fleet: Fleet, producer: Soniq) -> None:
    """Even one that is stopped: two seconds after its time is up, with exit code 1."""
    supervisor = fleet.start("--processes", "1", SONIQ_SHUTDOWN_TIMEOUT="0.5")
    await workers(producer, 1)
    [worker] = children(supervisor)
    worker.suspend()

    # Sent is not done: until one of its threads has taken the signal, another may take the next.
    async def stands() -> bool:
        return bool(worker.status() == psutil.STATUS_STOPPED)

    await until(stands)
    supervisor.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert await ended(supervisor, 10) == 1
    assert 0.5 < time.monotonic() - asked < 0.5 + 3
    assert not worker.is_running()
    assert "was killed by SIGKILL" in fleet.log(0)


@on_sqlite
async def test_one_worker_alone_can_be_replaced_or_stopped(fleet: Fleet, producer: Soniq) -> None:
    """After a SIGTERM a fresh one comes; after an operator's wish none, and then all is over."""
    supervisor = fleet.start("--processes", "1", SONIQ_HEARTBEAT_INTERVAL="0.2")
    [pid] = await workers(producer, 1)
    os.kill(pid, signal.SIGTERM)
    [pid] = await workers(producer, 1, but=pid)
    [worker] = await producer.workers.list()
    await producer.workers.stop(worker.id)
    assert await ended(supervisor, 10) == 0
    assert f"Worker {pid} ended as an operator asked" in fleet.log(0)
    assert total(fleet) == (2, 0, 1, 0)


async def test_each_process_runs_dry_once(fleet: Fleet, producer: Soniq) -> None:
    """With --run-once nobody is replaced; each job was run once, and stdout is empty."""
    await producer.enqueue_many("slow.one", [{"number": n} for n in range(400)])
    done = await asyncio.to_thread(
        subprocess.run,
        [SONIQ, "worker", APP, "--processes", "2", "--run-once"],
        cwd=ROOT,
        env=fleet.environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 worker process(es), 0 crashed, 0 replaced: 400 done" in done.stderr
    assert Counter(fleet.lines()) == Counter(str(n) for n in range(400))
    talk = re.findall(
        r"^[\d:]+ INFO +\[(\d+)\] soniq\.worker: Worker (\d+)", done.stderr, re.MULTILINE
    )
    assert len(set(talk)) == 2
    assert all(label == pid for label, pid in talk)


async def test_workers_are_replaced_after_so_many_jobs(fleet: Fleet, producer: Soniq) -> None:
    """Each ends in order after 50 jobs or a few more: nothing is lost, run twice or paid for."""
    await producer.enqueue_many("count.one", [{"number": n} for n in range(160)])
    supervisor = fleet.start("--max-jobs", "50", "--concurrency", "5")
    await happened(fleet, 160)
    supervisor.send_signal(signal.SIGTERM)
    assert await ended(supervisor, 10) == 0
    assert Counter(fleet.lines()) == Counter(str(n) for n in range(160))
    processes, crashed, replaced, done = total(fleet)
    # At least 50 each, and at most 4 that ran beside the fiftieth.
    assert (crashed, done) == (0, 160)
    assert replaced in {2, 3}
    assert processes in {replaced, replaced + 1}
    assert fleet.log(0).count("ended (max_jobs); another one starts now") == replaced


@on_sqlite
async def test_workers_that_grow_are_replaced(fleet: Fleet, producer: Soniq) -> None:
    """One that holds more than its limit makes room for a fresh one, also when no job comes."""

    async def replaced() -> bool:
        return "ended (max_rss); another one starts now" in fleet.log(0)

    await producer.enqueue_many("hoard.some", [{"number": n} for n in range(6)])
    supervisor = fleet.start("--max-rss", "180", "--concurrency", "1")
    await happened(fleet, 6)
    await until(replaced)
    supervisor.send_signal(signal.SIGTERM)
    assert await ended(supervisor, 10) == 0
    assert sorted(fleet.lines()) == [str(n) for n in range(6)]
    assert "(max_rss: 180): finishing running jobs" in fleet.log(0)
    assert total(fleet)[1] == 0


@on_sqlite
@pytest.mark.parametrize(
    ("target", "settings", "code", "told"),
    [
        ("tests.system.jobs_ap", {}, 2, "Did you mean 'tests.system.jobs_app'?"),
        (APP, {"SONIQ_CONCURRENCY": "none"}, 2, "SONIQ_CONCURRENCY"),
        (
            APP,
            {"SONIQ_DATABASE_URL": "postgresql://127.0.0.1:1/shop"},
            4,
            "can't be reached",
        ),
    ],
    ids=["module", "setting", "database"],
)
async def test_who_cannot_start_says_so_and_ends(
    fleet: Fleet, target: str, settings: dict[str, str], code: int, told: str
) -> None:
    """The worker's own error and exit code; not once for each process, and not for ever."""
    supervisor = fleet.start("--processes", "4", target=target, **settings)
    assert await ended(supervisor, 40) == code
    assert fleet.log(0).count(told) == (3 if code == 4 else 1)


@on_sqlite
async def test_tables_that_are_missing_are_told(fleet: Fleet, fresh_postgres_url: str) -> None:
    """Three tries, each with the cure, then the exit code of the last."""
    supervisor = fleet.start("--processes", "2", SONIQ_DATABASE_URL=fresh_postgres_url)
    assert await ended(supervisor, 40) == 1
    assert fleet.log(0).count("soniq setup") == 3
    assert "no worker can start" in fleet.log(0)


@on_sqlite
@pytest.mark.parametrize("limit", ["--max-jobs", "--max-rss"])
async def test_a_limit_makes_no_sense_for_one_run(fleet: Fleet, limit: str) -> None:
    """Wrong usage, with the reason."""
    assert await ended(fleet.start(limit, "5", "--run-once"), 10) == 2
    assert "--run-once" in fleet.log(0)
