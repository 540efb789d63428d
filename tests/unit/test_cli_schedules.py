"""``soniq schedules``: who has changed what is noted, and a dry run changes nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from soniq import Soniq
from soniq.cli.actor import actor
from soniq.cli.commands import app as cli

NAME = "reports.nightly"
VERBS = ("pause", "resume", "run", "remove")


@pytest.fixture
def path(sqlite_path: Path) -> Path:
    """A file with one schedule."""

    async def fill() -> None:
        async with Soniq(database_url=str(sqlite_path), enqueue_validation="none") as app:
            await app.scheduler.add(NAME, every=3600)

    asyncio.run(fill())
    return sqlite_path


def run(path: Path, *words: str, code: int = 0) -> Result:
    """Run a command."""
    result = CliRunner().invoke(cli, [*words, "--database-url", str(path)])
    assert result.exit_code == code, result.output
    return result


def read(path: Path, *words: str) -> Any:
    """Return what a command says as JSON."""
    return json.loads(run(path, *words, "--json").stdout)


def test_every_change_is_noted(path: Path) -> None:
    """Each verb, by whoever is at the keyboard or is named."""
    run(path, "schedules", "pause", NAME, "--by", "ana")
    run(path, "schedules", "resume", NAME)
    job_id = run(path, "schedules", "run", NAME).stdout.strip()
    run(path, "schedules", "remove", NAME, "--yes")
    notes = [
        (one["actor"], one["action"], one["target"], one["detail"])
        for one in read(path, "audit")[::-1]
    ]
    assert notes == [
        ("ana", "schedules.pause", NAME, {}),
        (actor(), "schedules.resume", NAME, {}),
        (actor(), "schedules.run", NAME, {"job": job_id}),
        (actor(), "schedules.remove", NAME, {}),
    ]
    assert read(path, "schedules", "list") == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_dry_run_changes_nothing(path: Path, verb: str) -> None:
    """It says what would be done, and to what; of a schedule that is none it says so."""
    before = read(path, "schedules", "show", NAME)
    said = run(path, "schedules", verb, NAME, "--dry-run")
    assert (said.stdout, f"{NAME}, which is active" in said.stderr) == ("", True)
    assert said.stderr.startswith("Would ")
    assert read(path, "schedules", "show", NAME) == before
    assert read(path, "audit") == []
    assert "soniq schedules list" in run(path, "schedules", verb, "x", "--dry-run", code=5).stderr


def test_what_failed_is_not_noted(path: Path) -> None:
    """There is no such schedule: nobody has changed anything."""
    for verb in VERBS:
        run(path, "schedules", verb, "x", *(["--yes"] if verb == "remove" else []), code=5)
    assert read(path, "audit") == []
