"""``soniq jobs tail`` as a process: it prints as things happen, and ends as it should."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from soniq import Soniq
from tests.system.conftest import SONIQ, ended

Process = subprocess.Popen[bytes]


@pytest.fixture
async def app(tmp_path: Path) -> Soniq:
    """An app on a file, which exists."""
    app = Soniq(database_url=str(tmp_path / "jobs.db"), enqueue_validation="none")
    async with app:
        return app


@pytest.fixture
def heeded() -> Iterator[None]:
    """Let processes that are started heed Ctrl-C, also where these tests run in the background.

    What a shell starts there ignores it, and so does all that it starts (POSIX, sh, 2.11).
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def tail(app: Soniq, tmp_path: Path, heeded: None) -> Iterator[Process]:
    """Follow the jobs of the file, with stdout in a pipe."""
    del app
    process = subprocess.Popen(
        [SONIQ, "jobs", "tail", "--jsonl", "--database-url", str(tmp_path / "jobs.db")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    yield process
    process.kill()
    process.communicate()


async def change_until_told(app: Soniq, tail: Process) -> str:
    """Cancel jobs until the process, which may just be starting, has printed something."""
    assert tail.stdout is not None
    told = asyncio.create_task(asyncio.to_thread(tail.stdout.readline))
    ids: list[str] = []
    async with app:
        while not told.done():
            ids.append(await app.enqueue("shop.pack", queue="here"))
            await app.cancel_job(ids[-1])
            await asyncio.wait([told], timeout=0.2)
    change = json.loads(await told)
    assert (change["what"], change["queue"]) == ("cancelled", "here")
    assert change["job_id"] in ids
    return ids[-1]


async def test_an_interrupt_ends_it(app: Soniq, tail: Process) -> None:
    """Lines come while it runs; Ctrl-C is exit code 130, without a traceback."""
    await change_until_told(app, tail)
    tail.send_signal(signal.SIGINT)
    assert await ended(tail, 10) == 130
    assert tail.stderr is not None
    assert tail.stderr.read() == b"Interrupted.\n"


async def test_a_reader_that_leaves_ends_it(app: Soniq, tail: Process) -> None:
    """With the next change, quietly."""
    await change_until_told(app, tail)
    assert tail.stdout is not None
    tail.stdout.close()
    async with app:
        while tail.poll() is None:
            await app.cancel_job(await app.enqueue("shop.pack"))
            await asyncio.sleep(0.1)
    assert tail.returncode == 141
    assert tail.stderr is not None
    assert tail.stderr.read() == b""
