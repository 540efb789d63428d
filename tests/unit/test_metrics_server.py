"""``/metrics``, ``/healthz`` and ``/readyz``, over real HTTP from within this process."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from soniq import Soniq
from soniq.cli.metrics import Address
from soniq.errors import ConfigurationError, DatabaseUnreachable
from soniq.events import WorkerStarted
from soniq.observability import watch
from soniq.observability.prometheus import instrument
from soniq.observability.server import serving
from tests.support.jobs import PATIENCE, run_all


@pytest.fixture
async def app() -> AsyncIterator[Soniq]:
    """An app in memory."""
    async with Soniq(backend="memory") as app:
        yield app


def fetch(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def get(port: int, path: str) -> tuple[int, str]:
    """Do so from a thread, as the event loop has to turn meanwhile."""
    return await asyncio.to_thread(fetch, port, path)


async def start(app: Soniq, **facts: Any) -> SimpleNamespace:
    """Let a worker of the test's making start."""
    usual = {"concurrency": 4, "running": 1, "listening": True, "broken": (), "ended": False}
    worker = SimpleNamespace(**(usual | facts))
    await app.events.emit(WorkerStarted("id", worker))
    return worker


async def test_the_three_pages(app: Soniq) -> None:
    """Metrics of the app and of the process; healthy and ready; and what else there is."""
    async with serving(app, 0) as port:
        status, text = await get(port, "/metrics")
        assert status == 200
        assert "soniq_lease_lost_total 0.0\n" in text
        assert "process_cpu_seconds_total" in text
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (200, "ok\n")
        assert await get(port, "/") == (404, "There are /metrics, /healthz and /readyz.\n")


async def test_what_runs_is_told_while_it_runs(app: Soniq) -> None:
    """A job that scrapes its own worker finds one slot busy, and the worker ready."""
    found: dict[str, tuple[int, str]] = {}

    async with serving(app, 0, awaits_worker=True) as port:

        @app.job(name="scrape")
        def scrape() -> None:
            found.update({path: fetch(port, path) for path in ("/metrics", "/readyz")})

        await app.enqueue(scrape)
        await run_all(app, concurrency=3)
        assert 'soniq_worker_slots{state="busy"} 1.0\n' in found["/metrics"][1]
        assert 'soniq_worker_slots{state="free"} 2.0\n' in found["/metrics"][1]
        assert found["/readyz"] == (200, "ok\n")
        assert await get(port, "/readyz") == (503, "no worker has registered\n")


async def test_a_loop_that_has_ended_is_unhealthy(app: Soniq) -> None:
    """It is named; once that worker has ended, all is well."""
    worker = await start(app, broken=("claim",))
    async with serving(app, 0) as port:
        assert await get(port, "/healthz") == (200, "ok\n")  # nobody watched when it started
        worker = await start(app, broken=("claim",))
        assert await get(port, "/healthz") == (503, "the loop 'claim' has ended\n")
        worker.ended = True
        assert await get(port, "/healthz") == (200, "ok\n")


async def test_an_event_loop_that_stands_still_is_unhealthy(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes all the same, from another thread."""
    monkeypatch.setattr(watch, "PATIENCE_SECONDS", 0.05)
    answers: list[tuple[int, str]] = []
    async with serving(app, 0) as port:
        thread = threading.Thread(target=lambda: answers.append(fetch(port, "/healthz")))
        thread.start()
        thread.join()  # the loop is this thread's
    assert answers[0][0] == 503
    assert "the event loop has not turned" in answers[0][1]


async def test_a_database_that_is_away_is_not_ready(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is told; the process is healthy nevertheless, for a restart would not help."""

    async def away() -> list[Any]:
        raise DatabaseUnreachable("nobody answers")

    monkeypatch.setattr(app.queues, "paused", away)
    async with serving(app, 0) as port:
        expected = (503, "DatabaseUnreachable: nobody answers\n")
        assert await get(port, "/readyz") == expected
        assert await get(port, "/healthz") == (200, "ok\n")


async def test_a_database_that_does_not_answer_is_not_ready(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it longer than a probe would."""
    monkeypatch.setattr("soniq.observability.health.PATIENCE_SECONDS", 0.05)

    async def silent() -> list[Any]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(app.queues, "paused", silent)
    async with serving(app, 0) as port:
        status, text = await get(port, "/readyz")
    assert (status, "the database has not answered" in text) == (503, True)


async def test_a_port_that_is_taken_is_refused(app: Soniq) -> None:
    """With the place and the cure; as is an address of another host."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{port}.*--metrics-port"):
            async with serving(app, port):
                pass
    with pytest.raises(ConfigurationError, match="--metrics-host"):
        async with serving(app, 0, host="192.0.2.1"):
            pass


async def test_ipv6(app: Soniq) -> None:
    """An address of that family is listened at, too."""
    async with serving(app, 0, host="::1") as port:
        reader, writer = await asyncio.open_connection("::1", port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\nok\n")
        writer.close()


# --- what the command line makes of it ------------------------------------------------------------


def test_each_process_has_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Option before setting; the number of the process is added, unless any free port will do."""
    asked: list[tuple[int, str]] = []
    monkeypatch.setattr(
        "soniq.observability.server.serving", lambda _, port, host, **__: asked.append((port, host))
    )
    app = Soniq(backend="memory", metrics_port=9464)
    Address(place=0).serving(app)
    Address(place=3).serving(app)
    Address(8000, "0.0.0.0", place=1).serving(app)  # noqa: S104 - nothing is opened
    Address(0, place=3).serving(app)
    assert asked == [(9464, "127.0.0.1"), (9467, "127.0.0.1"), (8001, "0.0.0.0"), (0, "127.0.0.1")]  # noqa: S104


async def test_nothing_is_served_unasked(app: Soniq) -> None:
    """Without a port no listener is added to the events of the app."""
    async with Address().serving(app):
        assert not app.events.wanted(WorkerStarted)


async def test_the_missing_package_is_named(app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    for name in ("server", "prometheus"):
        monkeypatch.delitem(sys.modules, f"soniq.observability.{name}")
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r'pip install "soniq\[prometheus\]"'):
        Address(0).serving(app)


async def test_an_instrumented_app_keeps_its_registry(app: Soniq) -> None:
    """What was counted before somebody serves it is served."""
    metrics = instrument(app)
    async with serving(app, 0) as port:
        await app.events.emit(WorkerStarted("id", await start(app)))
        assert instrument(app) is metrics
        assert 'soniq_worker_slots{state="free"}' in (await get(port, "/metrics"))[1]
