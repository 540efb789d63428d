"""What the command line says about itself, and what it loads to say it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from soniq.cli.commands import app
from soniq.cli.overview import COMMANDS, overview
from tests.support.processes import unmeasured
from tests.system.conftest import SONIQ

# Of any library. An empty interpreter loads 25; Typer brings most of the others.
MOST_MODULES = {"overview": 80, "command": 300}
HEAVY = {"pydantic", "asyncpg", "sqlite3", "typer", "rich", "asyncio"}
GROUPS = {info.name: info.typer_instance for info in app.registered_groups}
SINGLE = [(info.name or "",) for info in app.registered_commands]


def words_of(name: str | None, group: typer.Typer) -> list[tuple[str, ...]]:
    """Return a group and its commands, as one writes them."""
    names = [
        info.name or getattr(info.callback, "__name__", "") for info in group.registered_commands
    ]
    return [(name or "",), *((name or "", inner) for inner in names)]


LINES = [
    *SINGLE,
    *(words for name, group in GROUPS.items() if group for words in words_of(name, group)),
]


def loaded_by(*arguments: str) -> set[str]:
    """Return the modules that the command loads, by the interpreter's own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", SONIQ, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=unmeasured(),
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


def test_help_is_light() -> None:
    """``soniq --help`` loads no dependency at all, and of Soniq only the words to print."""
    loaded = loaded_by("--help")
    assert len(loaded) < MOST_MODULES["overview"]
    assert HEAVY & loaded == set()
    assert {name for name in loaded if name.startswith("soniq.")} == {
        "soniq.cli",
        "soniq.cli.main",
        "soniq.cli.overview",
    }


@pytest.mark.parametrize(
    "words", [("status",), ("jobs", "list"), *((name or "",) for name in GROUPS)], ids=" ".join
)
def test_the_help_of_a_command_is_light(words: tuple[str, ...]) -> None:
    """It loads Typer, but no driver, no Rich, no loop, and nothing that checks options."""
    loaded = loaded_by(*words, "--help")
    assert "typer" in loaded
    assert len(loaded) < MOST_MODULES["command"]
    unwanted = {"asyncpg", "sqlite3", "rich", "asyncio", "pydantic", "soniq.app", "soniq.backends"}
    assert unwanted & loaded == set()


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_overview_is_the_help(option: str) -> None:
    """It is data: all of it goes to stdout, with exit code 0."""
    done = subprocess.run([SONIQ, option], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (overview() + "\n", "")


def test_the_overview_knows_every_command() -> None:
    """No command is missing there, none is made up, and no line is wider than 80 columns."""
    named = [name for rows in COMMANDS.values() for name in rows]
    assert sorted(named) == sorted([name for (name,) in SINGLE] + [name or "" for name in GROUPS])
    assert max(map(len, overview().splitlines())) <= 80


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    """Usage, what it does, and a text for each option; no line is wider than 80 columns."""
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="soniq")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: soniq {' '.join(words)} ")
    assert max(map(len, result.output.splitlines())) <= 80
    options = [line.strip() for line in result.output.splitlines() if line.startswith("  -")]
    assert [line for line in options if len(line.split("  ")) == 1 and len(line) < 20] == []


def test_no_command_is_wrong_usage() -> None:
    """Bare ``soniq`` and a command that is none: exit code 2, and what there is instead."""
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 2
    assert "worker" in result.output
    result = CliRunner().invoke(app, ["statsu"])
    assert result.exit_code == 2
    assert "statsu" in result.output
