"""Real processes tell how they do, each at a port of its own."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import urllib.request

import pytest

from soniq import Soniq
from tests.support.jobs import until
from tests.system.conftest import Fleet, ended


def neighbours() -> int:
    """Return a port that is free, as is the next one."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def fetch(port: int, path: str) -> str:
    """Return what a process answers, or nothing as long as it does not answer with 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            body: bytes = answer.read()
    except OSError:
        return ""
    return body.decode()


async def ready(port: int) -> bool:
    """Tell whether a process says that it is ready."""
    return await asyncio.to_thread(fetch, port, "/readyz") == "ok\n"


@pytest.mark.parametrize("system_url", ["sqlite"], indirect=True)
async def test_workers_and_schedulers_tell_how_they_do(fleet: Fleet, producer: Soniq) -> None:
    """Two workers at neighbouring ports, a scheduler at any; what one counts, the other does not.

    After a signal nothing answers any more.
    """
    port = neighbours()
    workers = fleet.start("--processes", "2", "--metrics-port", str(port))
    scheduler = fleet.start("--metrics-port", "0", command="scheduler")
    await until(lambda: ready(port))
    await until(lambda: ready(port + 1))
    job_id = await producer.enqueue("count.one", args={"number": 1})
    await producer.wait_for(job_id, 20)

    async def counted() -> bool:
        texts = [await asyncio.to_thread(fetch, port + n, "/metrics") for n in range(2)]
        series = 'total{outcome="complete",queue="default",task="count.one"} 1.0'
        return sum(text.count(series) for text in texts) == 1

    await until(counted)
    own = re.search(r"http://127\.0\.0\.1:(\d+)/metrics", fleet.log(1))
    assert own is not None
    assert await ready(int(own[1]))
    for process in (workers, scheduler):
        process.send_signal(signal.SIGTERM)
        assert await ended(process, 10) == 0
    assert not await ready(port)
