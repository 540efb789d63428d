"""Whatever stands in the database, a terminal gets to see text: no command passes on a control."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from soniq import Soniq
from soniq.cli import jobs_tail, render
from soniq.cli.commands import app as cli
from soniq.cli.completion import Shell
from soniq.cli.top.look import look
from soniq.cli.top.screen import drawn
from soniq.follow import Change
from tests.support.clock import START
from tests.unit.test_cli_json import COMMANDS, fill

# A title, a cleared screen, a colour by an 8-bit control, text that is turned around, a bell.
NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r[red]b[/red]"
SHOWN = r"\x1b]0;owned"
# All that holds text that somebody else has written, by hand if need be. Names are keys: they stay
# apart by their rows.
COLUMNS = {
    "soniq_jobs": ("job_name", "queue", "last_error", "last_traceback", "result_error"),
    "soniq_dead_letter_jobs": ("job_name", "queue", "reason", "last_error", "last_traceback"),
    "soniq_workers": ("hostname", "version", "wish"),
    "soniq_schedules": ("name", "queue", "timezone"),
    "soniq_attempts": ("error", "traceback", "outcome"),
    "soniq_paused_queues": ("queue", "paused_by", "reason"),
    "soniq_audit": ("actor", "action", "target"),
    "soniq_rollups": ("queue", "job_name"),
    "soniq_migrations": ("name",),
}
# What has a set of values, or is read as something else than text.
FIXED = {"wish", "outcome", "timezone"}
IN_PIPES = {"status", "jobs list", "queues list", "audit", "dead-letter list", "top", "jobs show"}


def spoil(path: Path) -> None:
    """Put controls into every text of a file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys = off")
    for table, columns in COLUMNS.items():
        for column in set(columns) - FIXED:
            statement = f"UPDATE {table} SET {column} = ? || {column}"  # noqa: S608 - names from above
            connection.execute(statement, (NASTY,))
    connection.commit()
    connection.close()


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A file with one of everything, all of it spoilt, and the ids of jobs in it."""
    path = tmp_path_factory.mktemp("hostile") / "jobs.db"
    ids = asyncio.run(fill(str(path)))
    spoil(path)
    return path, ids


def told(path: Path, *words: str) -> str:
    """Return all that a command says; none of it may be a control."""
    result = CliRunner().invoke(cli, [*words, "--database-url", str(path)])
    assert result.exit_code in {0, 2, 3, 5}, result.output
    assert harmless(result.output)
    return result.output


def harmless(text: str) -> bool:
    """Tell whether a text has nothing in it that a terminal obeys, but for lines and tabs."""
    return text.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_read_is_harmless(
    spoilt: tuple[Path, dict[str, str]],
    command: str,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In tables, in lines and in JSON; the text is there, with its controls spelled out."""
    path, ids = spoilt
    monkeypatch.setattr(render, "on_terminal", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "400")
    line = COMMANDS[command].replace("math.doubles", f"{NASTY}math.doubles").format(**ids)
    words = line.split(" ")
    shown = told(path, *words)
    if command in IN_PIPES:
        assert SHOWN in shown
    told(path, *words, "--json")


def test_what_is_said_of_mistakes_is_harmless(spoilt: tuple[Path, dict[str, str]]) -> None:
    """An argument comes back spelled out: as an id, a name, a search, an option, a command."""
    path, _ = spoilt
    for words in (
        ("jobs", "show"), ("jobs", "why"), ("jobs", "list"), ("jobs", "list", "--status"),
        ("jobs", "list", "--after"), ("jobs", "cancel", "--yes"), ("dead-letter", "show"),
        ("dead-letter", "replay"), ("dead-letter", "cleanup", "--older-than"),
        ("schedules", "show"), ("workers", "quiet"), ("queues", "pause"), ("doctor", "--only"),
        ("audit", "--before"), ("jobs",), (), ("status", "--"), ("completion",), ("-",),
        ("top", "-"),
    ):  # fmt: skip
        call = [*words[:-1], f"-{NASTY}"] if words[-1:] == ("-",) else [*words, NASTY]
        result = CliRunner().invoke(cli, call, env={"SONIQ_DATABASE_URL": str(path)})
        assert result.exit_code in {2, 5}, words
        assert harmless(result.output), words


async def test_a_live_look_is_harmless(spoilt: tuple[Path, dict[str, str]]) -> None:
    """So is what ``soniq top`` draws, and its reason for not drawing."""
    path, _ = spoilt
    async with Soniq(database_url=str(path)) as app:
        seen = await look(app)
    console = Console(width=400, height=60, highlight=False)
    with console.capture() as capture:
        console.print(drawn(seen, f"away: {NASTY}", 60))
    assert SHOWN in capture.get()
    assert harmless(capture.get())


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
def test_a_change_is_harmless(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a line of ``soniq jobs tail``."""
    monkeypatch.setattr(render, "on_terminal", lambda: terminal)
    change = Change(START, "dead", NASTY, NASTY, NASTY, 1, NASTY, 1.0, NASTY)
    line = jobs_tail.change_line(change)
    assert SHOWN in line
    assert harmless(line)


@pytest.mark.parametrize("shell", list(Shell))
def test_completion_is_harmless(shell: Shell) -> None:
    """It holds names of commands and options, and nothing of the database."""
    script = CliRunner().invoke(cli, ["completion", shell]).output
    assert harmless(script)
    assert "dead-letter" in script
