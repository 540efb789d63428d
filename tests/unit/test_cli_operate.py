"""``soniq queues`` and ``soniq workers``: what they show, change and note, in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from soniq import Soniq
from soniq.backends.worker_contract import Vitals, WorkerIdentity
from soniq.cli.actor import actor
from soniq.cli.commands import app as cli

Run = Callable[..., Result]
ONE = "1f3a0000-0000-4000-8000-00000000000a"
TWO = "1f3b0000-0000-4000-8000-00000000000b"
GONE = "2a000000-0000-4000-8000-00000000000c"
REST = slice(1, None)


def on(path: Path, work: Callable[[Soniq], Coroutine[Any, Any, Any]]) -> Any:
    """Return what the work makes of an app on the file."""

    async def whole() -> Any:
        async with Soniq(database_url=str(path), enqueue_validation="none") as app:
            return await work(app)

    return asyncio.run(whole())


def audit(path: Path) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return what has been noted, in its order."""
    entries = on(path, lambda app: app.audit.list())
    return [(one.actor, one.action, one.target, one.detail) for one in reversed(entries)]


@pytest.fixture
def run(sqlite_path: Path) -> Run:
    """Run a command on a file with jobs and workers; fail unless it exits as expected."""

    async def fill(app: Soniq) -> None:
        for queue in ("mail", "mail", "pay"):
            await app.enqueue("x", queue=queue)
        await app.enqueue("x", queue="mail", scheduled_at=90)
        store = app.backend.workers
        for worker, queues, lease in (
            (ONE, ("pay", "b"), 600),
            (TWO, ("pay",), 600),
            (GONE, (), 0),
        ):
            identity = WorkerIdentity(worker, "web-1", 4711, queues, 10, (), "1.2.3")
            await store.register(identity, lease=lease)
        await store.renew(ONE, lease=600, vitals=Vitals(7, 200 * 2**20, 0.25))

    on(sqlite_path, fill)

    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [*words, "--database-url", str(sqlite_path)])
        assert result.exit_code == code, result.output
        return result

    return call


def lines(result: Result) -> list[list[str]]:
    """Return stdout as lines of cells."""
    return [line.split("\t") for line in result.stdout.splitlines()]


# --- queues ---------------------------------------------------------------------------------------


def test_queues_are_listed(run: Run) -> None:
    """With what waits, since when, who claims; and a word on those that nobody claims from."""
    told = run("queues", "list")
    mail, pay = lines(told)
    assert [*mail[:5], *mail[6:]] == ["mail", "2", "1", "0", "0", "0", "", "", ""]
    assert [*pay[:5], *pay[6:]] == ["pay", "1", "0", "0", "0", "2", "", "", ""]
    assert mail[5].endswith("+00:00")
    assert told.stderr == "Nobody claims from 1 queue with due jobs: mail.\n"


def test_a_queue_is_paused_and_resumed(run: Run, sqlite_path: Path) -> None:
    """Whoever looks sees who and why; each change is noted; a dry run changes nothing."""
    pause, resume = ("queues", "pause", "mail"), ("queues", "resume", "mail")
    assert "Would pause queue mail: 3 jobs wait." in run(*pause, "--dry-run").stderr
    assert "is not paused" in run(*resume, "--dry-run", code=1).stderr
    assert "Paused queue mail: 3 jobs wait." in run(*pause, "--reason", "down").stderr
    assert "paused already" in run(*pause, "--by", "ops:ana", "--reason", "why").stderr
    told = run("queues", "list")
    assert lines(told)[0][-2:] == ["ops:ana", "why"]
    assert told.stderr == ""  # nobody is missed there
    [mail, _] = json.loads(run("queues", "list", "--json").stdout)
    assert (mail["pause"]["paused_by"], mail["exact"]) == ("ops:ana", True)
    assert "Would resume queue mail." in run(*resume, "--dry-run").stderr
    assert "Resumed queue mail." in run(*resume, "--by", "ops:bob").stderr
    assert "is not paused" in run(*resume, code=1).stderr
    assert audit(sqlite_path) == [
        (actor(), "queues.pause", "mail", {"reason": "down"}),
        ("ops:ana", "queues.pause", "mail", {"reason": "why"}),
        ("ops:bob", "queues.resume", "mail", {}),
    ]


def test_a_queue_without_jobs_can_be_paused(run: Run, sqlite_path: Path) -> None:
    """It may be a slip of the pen, so that is asked; what no queue can be called is refused."""
    assert "Is that the name?" in run("queues", "pause", "mial").stderr
    run("queues", "pause", "", code=2)
    run("queues", "pause", "mail", "--by", " ", code=2)
    assert [one.queue for one in on(sqlite_path, lambda app: app.queues.paused())] == ["mial"]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_queues_fit_the_terminal(run: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """As people see them: distances instead of times, and below the table who has paused what."""
    run("queues", "pause", "mail", "--reason", "down", "--by", "ops:ana")
    monkeypatch.setattr("soniq.cli.render.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    told = run("queues", "list")
    assert max(map(len, told.stdout.splitlines())) <= columns
    assert told.stderr == "Queue mail is paused by ops:ana: down\n"
    told = run("workers", "list")
    assert max(map(len, told.stdout.splitlines())) <= columns
    assert "7/10" in told.stdout


# --- workers --------------------------------------------------------------------------------------


def test_workers_are_listed(run: Run) -> None:
    """Each with its whole id, so that scripts can go on with it."""
    told = {row[0]: row[REST] for row in lines(run("workers", "list"))}
    assert told[ONE][:9] == [
        "at work", "7", "10", "pay, b", "web-1", "4711", "1.2.3", str(200 * 2**20), "0.25",
    ]  # fmt: skip
    assert told[TWO][7:9] == ["", ""]
    assert told[GONE][0] == "gone"
    [one, *_] = json.loads(run("workers", "list", "--json").stdout)
    assert (one["id"], one["running"], one["wish"]) == (ONE, 7, None)


def test_workers_are_asked(run: Run, sqlite_path: Path) -> None:
    """By the beginning of an id; each is noted, under its whole id; a dry run changes nothing."""
    assert "Would ask worker 1f3a0000" in run("workers", "quiet", "1f3a", "--dry-run").stderr
    assert "next heartbeat" in run("workers", "quiet", "1f3a", TWO).stderr
    assert "may be gone" in run("workers", "quiet", "2").stderr
    run("workers", "resume", TWO, "--by", "ops:ana")
    run("workers", "stop", "1f3a", code=2)  # nobody there to ask whether that is meant
    run("workers", "stop", "1f3a", "--yes")
    for verb in (("quiet",), ("resume",), ("stop", "--yes")):
        assert "Too late for worker 1f3a0000" in run("workers", *verb, ONE, code=1).stderr
    states = {row[0]: row[1] for row in lines(run("workers", "list"))}
    assert states == {ONE: "stopping", TWO: "at work", GONE: "gone"}
    assert audit(sqlite_path) == [
        (actor(), "workers.quiet", ONE, {}),
        (actor(), "workers.quiet", TWO, {}),
        (actor(), "workers.quiet", GONE, {}),
        ("ops:ana", "workers.resume", TWO, {}),
        (actor(), "workers.stop", ONE, {}),
    ]


def test_which_worker_is_meant_must_be_clear(run: Run, sqlite_path: Path) -> None:
    """None is exit code 5, several are 2, and the others are asked all the same."""
    unclear = run("workers", "quiet", "1f3", code=2)
    assert ONE in unclear.stderr
    assert TWO in unclear.stderr
    run("workers", "stop", "", "--yes", code=5)
    assert "No worker x" in run("workers", "quiet", "x", "1f3a", code=5).stderr
    assert [entry[1:3] for entry in audit(sqlite_path)] == [("workers.quiet", ONE)]
