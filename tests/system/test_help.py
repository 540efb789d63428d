"""What the command line says about itself, and what it loads to say it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest
import typer
from typer.testing import CliRunner

from soniq.cli.commands import app
from soniq.cli.overview import COMMANDS, overview
from tests.support.processes import unmeasured
from tests.system.conftest import SONIQ

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
    assert HEAVY & loaded == set()
    assert {name for name in loaded if name.startswith("soniq.")} == {
        "soniq.cli",
        "soniq.cli.main",
        "soniq.cli.overview",
    }


@pytest.mark.parametrize("words", [("status",), ("jobs",), ("jobs", "list")], ids=" ".join)
def test_the_help_of_a_command_is_light(words: tuple[str, ...]) -> None:
    """It loads Typer, but no driver, no Rich, no loop, and nothing that checks options."""
    loaded = loaded_by(*words, "--help")
    assert "typer" in loaded
    unwanted = {"asyncpg", "sqlite3", "rich", "asyncio", "pydantic", "soniq.app", "soniq.backends"}
    assert unwanted & loaded == set()


def test_help_is_quick() -> None:
    """``soniq --help`` answers within 200 ms: the best of some, as the machine has other work."""
    times: list[float] = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([SONIQ, "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.2


def busy(*command: str | Path) -> float:
    """Return for how many seconds a command keeps a processor busy: what it takes on a free one."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, env=unmeasured())
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@pytest.mark.parametrize("group", sorted(name or "" for name in GROUPS))
def test_the_help_of_a_group_is_quick(group: str) -> None:
    """Within 200 ms, too, where Python needs 80 ms to import this from its own library."""
    own = (sys.executable, "-c", "import asyncio, http.client")
    runs = [(busy(SONIQ, group, "--help"), busy(*own)) for _ in range(4)]
    helps, imports = zip(*runs, strict=True)
    assert min(helps) < 0.2 * max(1.0, min(imports) / 0.08)


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
