"""``soniq config show`` and ``soniq completion``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from soniq import settings
from soniq.cli.commands import app as cli
from soniq.settings import Settings


def run(*words: str, code: int = 0) -> str:
    """Return what a command prints; fail unless it exits as expected."""
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == code, result.output
    return result.stdout


def shown(*words: str) -> dict[str, dict[str, Any]]:
    """Return the settings by name."""
    return {one["name"]: one for one in json.loads(run("config", "show", "--json", *words))}


def test_every_setting_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its value and where it comes from; an option is as a keyword."""
    monkeypatch.setenv("SONIQ_CONCURRENCY", "20")
    monkeypatch.setenv("SONIQ_QUEUES", "mail,shop")
    monkeypatch.setenv("SONIQ_APP", "")
    found = shown("--database-url", "x.db")
    assert list(found) == list(Settings.model_fields)
    assert found["concurrency"] == {
        "name": "concurrency",
        "value": 20,
        "origin": "environment",
        "variable": "SONIQ_CONCURRENCY",
    }
    assert (found["queues"]["value"], found["queues"]["origin"]) == (
        ["mail", "shop"],
        "environment",
    )
    assert (found["database_url"]["value"], found["database_url"]["origin"]) == ("x.db", "keyword")
    assert (found["app"]["value"], found["app"]["origin"]) == (None, "default")


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a URL the password is missing, of a key all."""
    monkeypatch.setenv("SONIQ_DATABASE_URL", "postgresql://shop:canary@db/jobs")
    monkeypatch.setenv("SONIQ_DASHBOARD_API_KEY", "canary")
    for words in ((), ("--origin",), ("--json",)):
        assert "canary" not in run("config", "show", *words)
    assert shown()["database_url"]["value"] == "postgresql://shop:***@db/jobs"
    assert shown()["dashboard_api_key"]["value"] == "***"


def test_the_keywords_of_an_app_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of an app are those that its worker has."""
    (tmp_path / "keyworded.py").write_text(
        "from soniq import Soniq\napp = Soniq(backend='memory', concurrency=3)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SONIQ_CONCURRENCY", "20")
    found = shown("keyworded:app")
    assert (found["concurrency"]["value"], found["concurrency"]["origin"]) == (3, "keyword")
    assert found["backend"]["origin"] == "keyword"


def test_as_lines_and_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs get the origin in any case, people where they ask for it."""
    [line] = [one for one in run("config", "show").splitlines() if one.startswith("priority\t")]
    assert line.split("\t") == ["priority", "100", "default", "SONIQ_PRIORITY"]
    monkeypatch.setattr("soniq.cli.render.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    assert "SONIQ_PRIORITY" not in run("config", "show")
    assert "SONIQ_PRIORITY" in run("config", "show", "--origin")


def test_an_environment_that_can_not_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong usage, said in words; where keywords rule, it does not matter."""
    given = settings.load(concurrency=3)
    monkeypatch.setenv("SONIQ_CONCURRENCY", "many")
    run("config", "show", code=2)
    assert settings.origin(given, "concurrency") == "keyword"
    assert settings.origin(given, "priority") == "default"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_the_words(shell: str) -> None:
    """Every command and option that is not hidden, and the name of the program."""
    script = run("completion", shell)
    assert "soniq" in script
    for word in ("jobs", "dead-letter", "--database-url", "--processes", "fish"):
        assert word in script
    assert "--place" not in script


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        (["jo"], ["jobs"]),
        (["jobs", "l"], ["list"]),
        (["jobs", "list", "--lim"], ["--limit"]),
        (["--debug", "sche"], ["scheduler", "schedules"]),
        (["jobs", "list", "--queue", "mail", "--sta"], ["--status"]),
        (["completion", "f"], ["fish"]),
        (["nonsense"], []),
    ],
)
def test_bash_completes(typed: list[str], completed: list[str]) -> None:
    """Bash itself, fed with the script, completes what was typed."""
    words = " ".join(["soniq", *typed])
    told = subprocess.run(
        ["bash", "--norc"],
        input=f"{run('completion', 'bash')}\nCOMP_WORDS=({words})\nCOMP_CWORD={len(typed)}\n"
        '_soniq\nprintf "%s\\n" "${COMPREPLY[@]}"\n',
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in told.stdout.splitlines() if line] == completed
    assert told.stderr == ""
