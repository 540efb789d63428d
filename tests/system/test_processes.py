"""Real workers and the processes of their jobs: who outlives whom."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from soniq import Soniq
from tests.support.jobs import job_of, until
from tests.system.conftest import Fleet


async def pid_of_job(fleet: Fleet) -> int:
    """Return the process that a job has noted."""

    async def noted() -> bool:
        return any(line.startswith("pid ") for line in fleet.lines())

    await until(noted)
    return next(int(line.split()[1]) for line in fleet.lines() if line.startswith("pid "))


@pytest.mark.parametrize("name", ["process.hang", "process.hold"])
async def test_process_does_not_outlive_its_worker(
    fleet: Fleet, producer: Soniq, name: str
) -> None:
    """After kill -9 of the worker it is gone, also where its handler holds the interpreter."""
    await producer.enqueue(name)
    worker = fleet.start()
    process = psutil.Process(await pid_of_job(fleet))
    worker.kill()
    worker.wait()

    async def gone() -> bool:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

    await until(gone, patience=5)


async def test_signal_to_the_whole_group_is_the_workers_to_answer(
    fleet: Fleet, producer: Soniq, tmp_path: Path
) -> None:
    """Ctrl-C in a terminal reaches all processes: the job runs on, and the worker drains."""
    go = tmp_path / "go"
    job_id = await producer.enqueue("process.wait", args={"until": str(go)})
    worker = fleet.start(apart=True)
    pid = await pid_of_job(fleet)
    assert os.getpgid(pid) == worker.pid
    os.killpg(worker.pid, signal.SIGINT)

    async def drains() -> bool:
        return "SIGINT" in fleet.log(0)

    await until(drains)
    go.touch()
    assert await asyncio.to_thread(worker.wait, 20) == 0
    job = await job_of(producer, job_id)
    assert (job.result, job.attempts) == ("done", 1)
    assert "KeyboardInterrupt" not in fleet.log(0)


SCRIPT = """
import asyncio
import os

from soniq import Soniq

app = Soniq(backend="memory", result_ttl=60)


@app.job(executor="process", retries=0)
def where() -> int:
    return os.getpid()


async def main() -> None:
    async with app:
        job_id = await app.enqueue(where)
        await app.run_worker(run_once=True)
        for letter in await app.dead_letter.list():
            print(letter.last_error)
        result = await app.get_result(job_id)
        print(type(result).__name__, result != os.getpid())


"""


@pytest.mark.parametrize("guarded", [True, False])
def test_handler_in_the_main_script(tmp_path: Path, guarded: bool) -> None:
    """It runs; where the script would start once more in the process, the error names the cure."""
    script = tmp_path / "script.py"
    start = "asyncio.run(main())\n"
    script.write_text(SCRIPT + (f'if __name__ == "__main__":\n    {start}' if guarded else start))
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=50, check=True
    )
    if guarded:
        assert ended.stdout == "int True\n"
        assert ended.stderr == ""
    else:
        assert "put what it does under `if __name__ == '__main__':`" in ended.stdout
