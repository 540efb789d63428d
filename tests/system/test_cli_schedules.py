"""``soniq schedules``: what it shows to people and to programs, and what it changes."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from soniq import Soniq, daily
from soniq.cli.schedules import interval
from tests.system.conftest import SONIQ
from tests.system.test_cli import STYLE, on_terminal

DATABASE = ("--database-url", "jobs.db")
LONG = "shop.orders.synchronise_with_the_warehouse"


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with three schedules in jobs.db; one of them is paused, one has fired."""
    async with Soniq(database_url=str(tmp_path / "jobs.db"), enqueue_validation="none") as app:
        await app.scheduler.add(
            "reports.nightly", cron=daily().at("02:30"), timezone="Europe/Paris"
        )
        await app.scheduler.add(LONG, cron="*/15 8-18 * * mon-fri", args={"region": "EU"})
        await app.scheduler.add("cleanup", every=timedelta(hours=6))
        await app.scheduler.pause("cleanup")
    return tmp_path


def soniq(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``soniq schedules …`` as a script does."""
    return subprocess.run(
        [SONIQ, "schedules", *words, *DATABASE],
        cwd=folder, input="", capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def document(folder: Path, *words: str) -> Any:
    """Return what a command says with ``--json``."""
    return json.loads(soniq(folder, *words, "--json").stdout)


def arguments_of(folder: Path, job_id: str) -> Any:
    """Return the arguments of a job."""
    command = [SONIQ, "jobs", "show", job_id, "--json", *DATABASE]
    return json.loads(subprocess.check_output(command, cwd=folder, text=True))["args"]


async def test_list_and_show(folder: Path) -> None:
    """In words for people, in lines for programs, and whole as JSON."""
    lines = [line.split("\t") for line in soniq(folder, "list").stdout.splitlines()]
    assert [line[:3] for line in lines] == [
        ["cleanup", "paused", "Every 6 hours"],
        ["reports.nightly", "active", "At 02:30 (Europe/Paris)"],
        [LONG, "active",
         "Every 15 minutes, between 08:00 and 18:59, Monday through Friday"],
    ]  # fmt: skip
    assert [one["name"] for one in document(folder, "list", "--status", "paused")] == ["cleanup"]
    shown = document(folder, "show", LONG)
    assert (shown["cron"], shown["args"]) == ("*/15 8-18 * * mon-fri", {"region": "EU"})
    assert (shown["state"], shown["history"]) == ("active", [])


async def test_preview_shows_both_clocks_and_their_changes(folder: Path) -> None:
    """Within a year the clocks of Paris go forward and back once, each on the day of a tick."""
    told = soniq(folder, "preview", "reports.nightly", "-n", "2")
    assert told.stderr == "reports.nightly: At 02:30 (Europe/Paris) [30 2 * * *]\n"
    assert all("02:30:00 +0" in line for line in told.stdout.splitlines())
    ticks = document(folder, "preview", "reports.nightly", "-n", "366")["ticks"]
    assert {tick["note"] for tick in ticks} == {
        None,
        "clocks go forward by 60 min on this day",
        "clocks go back by 60 min on this day",
    }
    for tick in ticks:
        assert datetime.fromisoformat(tick["local"]) == datetime.fromisoformat(tick["at"])
    [forward] = [tick for tick in ticks if tick["note"] and "forward" in tick["note"]]
    assert forward["local"].endswith("T03:00:00+02:00")
    assert "paused" in soniq(folder, "preview", "cleanup").stderr


async def test_pause_resume_run_and_remove(folder: Path) -> None:
    """Each says what it did; removing asks first; a wrong name has a code of its own."""
    assert soniq(folder, "pause", LONG).returncode == 0
    assert document(folder, "list", "--status", "active")[0]["name"] == "reports.nightly"
    assert f"Resumed {LONG}. It fires next at " in soniq(folder, "resume", LONG).stderr
    job_id = soniq(folder, "run", LONG).stdout.strip()
    assert arguments_of(folder, job_id) == {"region": "EU"}
    assert soniq(folder, "remove", "cleanup").returncode != 0
    assert soniq(folder, "remove", "cleanup", "--yes").returncode == 0
    wrong = soniq(folder, "show", "report.nightly")
    assert (wrong.returncode, wrong.stdout) == (5, "")
    assert "Did you mean 'reports.nightly'?" in wrong.stderr
    assert soniq(folder, "list", "--status", "asleep").returncode == 2


@pytest.mark.parametrize("columns", [80, 120])
async def test_tables_fit_the_terminal(folder: Path, columns: int) -> None:
    """No line is wider than the terminal, and names stand in one piece."""
    for words in (("list",), ("preview", "reports.nightly", "-n", "366")):
        command = ("schedules", *words, *DATABASE)
        shown = on_terminal(folder, *command, columns=columns, NO_COLOR="1")
        assert max(len(STYLE.sub("", line)) for line in shown.splitlines()) <= columns
        assert words[0] != "list" or LONG in shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "Every second"),
        (1.5, "Every 1.5 seconds"),
        (60, "Every minute"),
        (5400, "Every 90 minutes"),
        (21_600, "Every 6 hours"),
        (86_400, "Every day"),
        (100_000, "Every 100000 seconds"),
        (1_209_600, "Every 14 days"),
    ],
)
def test_intervals_in_words(seconds: float, words: str) -> None:
    """In the largest unit that holds them evenly."""
    assert interval(seconds) == words
