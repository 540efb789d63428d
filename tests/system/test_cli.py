"""The command line as a process: pipes, terminals, exit codes, ``soniq worker``."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.conftest import SONIQ

Finished = subprocess.CompletedProcess[str]
Soniq = Callable[..., Finished]

JOBS = """
import os
from soniq import Soniq
app = Soniq({options})

@app.job(name="shop.pack")
async def pack(order: int) -> int:
    return order

@app.job(name="shop.drop")
async def drop() -> None:
    raise ValueError("dropped")
"""
# What a terminal is told about the looks of text; NO_COLOR leaves bold headings.
STYLE = re.compile(r"\x1b\[[\d;]*m")
BOLD = {"\x1b[0m", "\x1b[1m"}
PRODUCE = """
import asyncio, shop
async def main():
    async with shop.app as app:
        await app.enqueue_many(shop.pack, [{"order": n} for n in range(5)])
        await app.enqueue(shop.drop)
        await app.enqueue("shop.pack", args={"order": 9}, queue="other")
asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a module of jobs."""
    (tmp_path / "shop.py").write_text(JOBS.format(options="max_retries=0"))
    (tmp_path / "produce.py").write_text(PRODUCE)
    return tmp_path


@pytest.fixture
def soniq(folder: Path) -> Soniq:
    """Run the command in the folder, with further environment variables as keywords."""

    def call(*words: str, **environment: str) -> Finished:
        return subprocess.run(
            [SONIQ, *words],
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return call


@pytest.fixture
def produced(folder: Path) -> None:
    """Seven jobs in soniq.db: five and a failing one, and one in another queue."""
    python = SONIQ.with_name("python")
    subprocess.run([python, "produce.py"], cwd=folder, check=True, capture_output=True)


def on_terminal(folder: Path, *words: str, columns: int, **environment: str) -> str:
    """Return what a command writes to a terminal of that many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [SONIQ, *words],
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    written = b""
    try:
        while block := os.read(ours, 65_536):
            written += block
    except OSError:
        pass  # how Linux says that the other side has closed
    os.close(ours)
    process.wait(20)
    return written.decode()


@pytest.mark.usefixtures("produced")
def test_a_worker_runs_what_is_due(soniq: Soniq) -> None:
    """It says what it serves and what it has done, on stderr; the exit code is 0."""
    ended = soniq("worker", "shop:app", "--run-once", "--queues", "default", "--concurrency", "3")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "queues default; concurrency 3; 2 task(s) known; database sqlite:///" in ended.stderr
    assert "5 done, 1 to the dead letters" in ended.stderr
    assert json.loads(soniq("status", "--json").stdout)["queues"]["other"]["due"] == 1


@pytest.mark.usefixtures("produced")
@pytest.mark.parametrize(
    "environment",
    [{"SONIQ_APP": "shop:app"}, {"SONIQ_JOBS_MODULES": "shop"}, {"SONIQ_APP": "shop"}],
)
def test_a_worker_finds_its_app_in_the_environment(
    soniq: Soniq, environment: dict[str, str]
) -> None:
    """By SONIQ_APP, or as the one app in the modules of SONIQ_JOBS_MODULES; its log may be JSON."""
    ended = soniq("worker", "--run-once", SONIQ_LOG_FORMAT="json", **environment)
    assert ended.returncode == 0
    told = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    assert "6 done" in told[-1]["message"]


def test_a_worker_without_an_app_tells_how_to_name_one(soniq: Soniq) -> None:
    """Wrong usage, with the three ways."""
    ended = soniq("worker")
    assert ended.returncode == 2
    assert all(way in ended.stderr for way in ("shop.jobs:app", "SONIQ_APP", "SONIQ_JOBS_MODULES"))
    assert soniq("worker", "shpo:app").stderr.rstrip().endswith("Did you mean 'shop'?")


def test_a_database_that_the_app_overrules_is_refused(soniq: Soniq, folder: Path) -> None:
    """An option without effect would send people to the wrong database."""
    (folder / "shop.py").write_text(JOBS.format(options="'own.db'"))
    ended = soniq("worker", "shop:app", "--database-url", "other.db")
    assert ended.returncode == 2
    assert "own.db" in ended.stderr


def test_a_database_given_to_the_worker_reaches_the_app(soniq: Soniq, folder: Path) -> None:
    """``--database-url`` goes to an app that names none."""
    ended = soniq("worker", "shop:app", "--run-once", "--database-url", "other.db")
    assert ended.returncode == 0
    assert (folder / "other.db").exists()
    assert not (folder / "soniq.db").exists()


def test_an_unreachable_database_has_its_own_code(soniq: Soniq) -> None:
    """Exit code 4, one line, and no password in it."""
    ended = soniq("status", SONIQ_DATABASE_URL="postgresql://me:secret@127.0.0.1:1/shop")
    assert (ended.returncode, ended.stdout) == (4, "")
    assert ended.stderr.startswith("Error: PostgreSQL at 127.0.0.1:1/shop can't be reached")
    assert "secret" not in ended.stderr


@pytest.mark.usefixtures("produced")
def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    """With the pipe closed nothing is said, as with other commands."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stdout:
        ended = subprocess.run(
            [SONIQ, "jobs", "list", "--database-url", "soniq.db"],
            cwd=folder,
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.usefixtures("produced")
@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(folder: Path, columns: int) -> None:
    """No line is wider than the terminal, and every id stands in one piece."""
    url = ("--database-url", "soniq.db")
    shown = on_terminal(folder, "jobs", "list", *url, columns=columns, NO_COLOR="1")
    ids = json.loads(
        subprocess.check_output([SONIQ, "jobs", "list", *url, "--json"], cwd=folder, text=True)
    )
    assert all(job["id"] in shown for job in ids)
    assert max(len(STYLE.sub("", line)) for line in shown.splitlines()) <= columns
    assert not [style for style in STYLE.findall(shown) if style not in BOLD]


@pytest.mark.usefixtures("produced")
def test_status_on_a_terminal_is_a_table(folder: Path) -> None:
    """With headings, and with what to do where nobody works."""
    shown = on_terminal(folder, "status", "--database-url", "soniq.db", columns=80)
    assert "failed/h" in shown
    assert "No worker is running" in shown


@pytest.mark.usefixtures("produced")
def test_an_output_that_knows_few_letters_is_served(soniq: Soniq) -> None:
    """What can't be written is written as an escape; the command does its work."""
    ended = soniq("jobs", "list", "--queue", "ü", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
