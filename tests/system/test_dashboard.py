"""``soniq dashboard`` as a process: one for all that can be asked of it, ended at last."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from soniq import Soniq
from soniq.cli.commands import app as cli
from soniq.dashboard.serve import listen
from tests.system.conftest import SONIQ

KEY = "a key that nobody guesses"


@pytest.fixture
async def database(sqlite_path: Path) -> str:
    """The URL of a file with tables in it."""
    url = f"sqlite:///{sqlite_path}"
    async with Soniq(database_url=url) as app:
        await app.setup()
    return url


def started(url: str, **settings: str) -> tuple[subprocess.Popen[str], str]:
    """Start it at a free port; return it and its address, once it says so."""
    process = subprocess.Popen(
        [SONIQ, "dashboard", "--port", "0", "--root-path", "/jobs", "--database-url", url],
        env=os.environ | settings,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.match(r"Dashboard: (http://127\.0\.0\.1:\d+)/jobs/ \((.*)\); jobs at sqlite:", line)
    assert found is not None, line
    assert found[2] == "read-only, with the key"
    return process, found[1]


async def test_it_serves_until_a_signal_and_ends_within_a_second(database: str) -> None:
    """Also with a page open that listens for news; exit code 0, nothing on stdout."""
    process, address = started(database, SONIQ_DASHBOARD_API_KEY=KEY)
    headers = {"x-api-key": KEY}
    try:
        async with httpx.AsyncClient(base_url=address, headers=headers) as client:
            assert (await client.get("/login")).status_code == 200
            assert "server" not in (await client.get("/login")).headers
            assert (await client.get("/", headers={"x-api-key": ""})).headers["location"] == (
                "/jobs/login?next=%2Fjobs%2F"
            )
            assert (await client.get("/api/stats", headers={"host": "x"})).status_code == 421
            async with client.stream("GET", "/live") as live:
                events = live.aiter_lines()
                while "event: tick" not in await anext(events):
                    pass
                process.send_signal(signal.SIGTERM)
                asked = time.monotonic()
                async for _ in events:
                    pass
            assert await asyncio.to_thread(process.wait, 10) == 0
            # A second is promised; other tests run beside this one.
            assert time.monotonic() - asked < 2
    finally:
        process.kill()
        out, err = process.communicate()
    assert (out, err) == ("", "")


def test_it_does_not_listen_to_the_world_without_a_key(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, with what to do about it."""
    for host in ("0.0.0.0", "::", "192.0.2.1"):  # noqa: S104 - it must not
        done = CliRunner().invoke(cli, ["dashboard", "--host", host, "--database-url", database])
        assert (done.exit_code, done.stdout) == (2, "")
        assert "SONIQ_DASHBOARD_API_KEY" in done.stderr
    monkeypatch.setenv("SONIQ_DASHBOARD_API_KEY", KEY)
    done = CliRunner().invoke(cli, ["dashboard", "--host", "::", "--database-url", database])
    assert done.exit_code == 2
    assert "--hosts" in done.stderr
    monkeypatch.setenv("SONIQ_DASHBOARD_API_KEY", "short")
    done = CliRunner().invoke(cli, ["dashboard", "--host", "::1", "--database-url", database])
    assert done.exit_code == 2
    assert "16" in done.stderr
    assert "short" not in done.stderr


def test_a_page_does_not_wait_for_the_acknowledgement_of_its_headers() -> None:
    """Connections send what there is at once: headers and body are two writes."""
    with (
        listen("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_told(database: str) -> None:
    """Exit code 2, with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(cli, ["dashboard", "--port", port, "--database-url", database])
    assert done.exit_code == 2
    assert f"port {port}" in done.stderr


def test_it_creates_nothing(tmp_path: Path) -> None:
    """Where there are no tables it says so and ends, as all that only looks."""
    url = f"sqlite:///{tmp_path}/nothing.db"
    done = CliRunner().invoke(cli, ["dashboard", "--port", "0", "--database-url", url])
    assert done.exit_code == 1
    assert "soniq setup" in done.stderr
    assert list(tmp_path.iterdir()) == []
