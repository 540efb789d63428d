"""``soniq demo`` as a process: to its end, interrupted, killed, continued."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soniq import Soniq
from soniq.cli.demo.corpus import source_files, stdlib
from soniq.cli.demo.history import Rows, read_latest
from soniq.cli.demo.plan import Kind
from tests.system.conftest import SONIQ

PROGRESS = re.compile(r"([\d,]+) of [\d,]+ jobs")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start the demo in an empty folder; it is killed at the end if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [SONIQ, "demo", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def in_the_middle(process: subprocess.Popen[str]) -> None:
    """Return when some jobs have ended and more are to come."""
    assert process.stderr is not None
    for line in process.stderr:
        found = PROGRESS.match(line)
        if found and found[1] != "0":
            return
    pytest.fail("the demo ended before it could be interrupted")


def finish(process: subprocess.Popen[str], within: float = 100) -> tuple[dict[str, Any], str]:
    """Return summary and talk of a demo that was started with ``--json`` and must succeed."""
    stdout, stderr = process.communicate(timeout=within)
    assert process.returncode == 0, stderr
    return json.loads(stdout), stderr


async def soniq(folder: Path, *words: str) -> str:
    """Return what a command that must succeed writes to stdout."""
    return await asyncio.to_thread(subprocess.check_output, [SONIQ, *words], cwd=folder, text=True)


async def rows_of(folder: Path) -> Rows:
    """Return the rows of the latest run."""
    async with Soniq(database_url=str(folder / "soniq.db")) as app:
        return await read_latest(app)


def check_complete(rows: Rows, files: list[str]) -> None:
    """Fail unless every file has exactly one job that has ended, and all others ended well."""
    ended = [*rows.jobs, *rows.letters]
    assert Counter(row.args["path"] for row in ended if "path" in row.args) == Counter(files)
    assert {job.status.value for job in rows.jobs} == {"done"}
    reasons = {letter.job_name: letter.reason for letter in rows.letters}
    assert reasons[Kind.DOOMED] == "max_retries_exceeded"
    assert reasons[Kind.ENDLESS] == "timeout"
    assert set(reasons.values()) <= {"max_retries_exceeded", "timeout", "permanent_failure"}


def check_attempts(rows: Rows) -> None:
    """Fail unless every job ran as often as it had to, not once more."""
    needed = {Kind.FLAKY: {2}, Kind.DOOMED: {3}, Kind.ENDLESS: {2}}
    for row in (*rows.jobs, *rows.letters):
        assert row.attempts in needed.get(Kind(row.job_name), {1}), row


async def test_the_demo_runs_and_leaves_a_database(start: Start, tmp_path: Path) -> None:
    """Every kind of job comes to its end; status and dead letters can be read afterwards."""
    files = source_files(stdlib())[:150]
    summary, talk = finish(start("--files", "150", "--json"))
    rows = await rows_of(tmp_path)
    check_complete(rows, files)
    check_attempts(rows)
    assert summary["states"]["done"] == len(rows.jobs)
    assert summary["totals"]["lines"] > 10_000
    assert "2 unique jobs twice: 2 times that was a no-op" in talk
    listed = await soniq(tmp_path, "dead-letter", "list")
    assert len(listed.splitlines()) == len(rows.letters)


async def test_a_finished_demo_is_followed_by_a_new_run(start: Start, tmp_path: Path) -> None:
    """The second call is run 2; a replayed dead letter reopens it instead of starting run 3."""
    finish(start("--files", "5", "--json"))
    summary, talk = finish(start("--files", "5", "--json"))
    assert (summary["run"], "Run 2: one job for each file" in talk) == (2, True)
    doomed = next(row for row in (await rows_of(tmp_path)).letters if row.job_name == Kind.DOOMED)
    await soniq(tmp_path, "dead-letter", "replay", doomed.id)
    summary, talk = finish(start("--files", "5", "--json"))
    assert "Run 2 goes on: 1 job left" in talk
    assert summary["dead_letters"] == {"max_retries_exceeded": 2, "timeout": 1}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("number", "options"), [(signal.SIGINT, ()), (signal.SIGTERM, ("--files", "500"))]
)
async def test_an_interrupted_demo_goes_on(
    start: Start, tmp_path: Path, number: signal.Signals, options: tuple[str, ...]
) -> None:
    """Stopped in the middle and called again: every file once, nothing lost, nothing twice."""
    first = start("--json", *options)
    in_the_middle(first)
    first.send_signal(number)
    stdout, stderr = first.communicate(timeout=30)
    assert (first.returncode, stdout) == (130, "")
    assert "Nothing is lost" in stderr
    before = {job.id for job in (await rows_of(tmp_path)).jobs if job.status == "done"}
    assert before

    summary, talk = finish(start("--json", *options), within=150)
    rows = await rows_of(tmp_path)
    assert "Run 1 goes on" in talk
    check_complete(rows, source_files(stdlib())[: 500 if options else None])
    check_attempts(rows)
    assert summary["settled"] <= len(rows.jobs) + len(rows.letters) - len(before)


@pytest.mark.timeout(120)
async def test_a_killed_demo_goes_on(start: Start, tmp_path: Path) -> None:
    """After kill -9 the jobs of the dead worker come back, and nothing is lost."""
    first = start("--json", "--files", "600")
    in_the_middle(first)
    first.kill()
    first.communicate()
    held = [job for job in (await rows_of(tmp_path)).jobs if job.status == "processing"]

    _, talk = finish(start("--json", "--files", "600"))
    assert ("a worker that is gone" in talk) == bool(held)
    rows = await rows_of(tmp_path)
    check_complete(rows, source_files(stdlib())[:600])
    rescued = {job.id for job in held}
    jobs = [job for job in rows.jobs if job.id not in rescued]
    letters = [letter for letter in rows.letters if letter.id not in rescued]
    check_attempts(Rows(1, jobs, letters))


async def test_the_demo_sets_postgresql_up(start: Start, fresh_postgres_url: str) -> None:
    """On a server where the database does not exist yet, it is made, and that is said."""
    summary, talk = finish(start("--json", "--files", "60", "--database-url", fresh_postgres_url))
    assert "made Soniq's tables" in talk
    assert summary["states"] == {"done": 60}
