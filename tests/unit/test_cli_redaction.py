"""Secrets in jobs, schedules and notes: no command that reads shows one, unless it is asked to."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from soniq import Soniq
from soniq.cli import jobs_tail, render
from soniq.cli.commands import app as cli
from soniq.errors import PermanentFailure
from soniq.follow import Follower
from tests.unit.test_cli_json import COMMANDS, STREAMS, leaves

CANARY = re.compile(r"canary-[a-z]+")
LINES = {**COMMANDS, "schedules show": "schedules show door.login"}
# Which of those that can be asked for everything show what is secret, and in which form.
TOLD = {
    "jobs list --json", "jobs show", "jobs show --json", "jobs why", "jobs why --json",
    "why", "why --json",
    "schedules list --json", "schedules show", "schedules show --json", "dead-letter list",
    "dead-letter list --json", "dead-letter show", "dead-letter show --json",
    "dead-letter groups", "dead-letter groups --json", "audit", "audit --json",
}  # fmt: skip


def login(password: str) -> dict[str, str]:
    """Return what nobody else shall see."""
    return {"token": password}


def fails(password: str) -> None:
    """Say too much for good."""
    message = f"login refused: password={password}"
    raise PermanentFailure(message)


def flaky(password: str) -> None:
    """Say too much for now."""
    message = f"login refused: password={password}"
    raise ValueError(message)


async def plant(path: Path) -> dict[str, str]:
    """Plant canaries wherever there is room for them; return the ids of jobs."""
    async with Soniq(database_url=str(path)) as app:
        app.job(name="door.login")(login)
        app.job(name="door.fails")(fails)
        app.job(name="door.flaky", retry_delay=600)(flaky)
        ids = {
            "done": await app.enqueue("door.login", args={"password": "canary-one"}),
            "dead": await app.enqueue("door.fails", args={"password": "canary-two"}),
            "flaky": await app.enqueue("door.flaky", args={"password": "canary-three"}),
        }
        await app.run_worker(run_once=True)
        ids["due"] = ids["flaky"]
        await app.scheduler.add("door.login", every=60, args={"password": "canary-four"})
        await app.audit.note(
            "cli:ana", "jobs.cancel", "args.token:canary-five", {"secret": "canary-six"}
        )
        return ids


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A file full of canaries, and the ids of jobs in it."""
    path = tmp_path_factory.mktemp("secrets") / "jobs.db"
    return path, asyncio.run(plant(path))


def told(planted: tuple[Path, dict[str, str]], words: str, *options: str) -> str:
    """Return all that a command says."""
    path, ids = planted
    call = [*words.replace("math.doubles", "door.login").format(**ids).split(), *options]
    result = CliRunner().invoke(cli, [*call, "--database-url", str(path)])
    assert result.exit_code in {0, 3}, result.output
    assert len(result.output) > 1
    return result.output


@pytest.mark.parametrize("terminal", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("command", LINES)
def test_no_secret_is_shown(
    planted: tuple[Path, dict[str, str]],
    command: str,
    terminal: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither in a table nor in lines nor in JSON."""
    monkeypatch.setattr(render, "on_terminal", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "200")
    for options in ([], ["--json"]):
        assert CANARY.findall(told(planted, LINES[command], *options)) == []


@pytest.mark.parametrize("line", sorted(TOLD))
def test_it_is_shown_to_whoever_asks(planted: tuple[Path, dict[str, str]], line: str) -> None:
    """With ``--reveal``: so the canaries are where they would be seen."""
    command, *json = line.partition(" --json")[:-1]
    options = [one.strip() for one in json if one]
    assert CANARY.search(told(planted, LINES[command], *options, "--reveal"))


def test_every_command_that_can_reveal_is_tried() -> None:
    """All that take ``--reveal`` are above, or print a document a line and are below."""
    every = leaves(typer.main.get_command(cli))
    able = {name for name, options in every if "--reveal" in options}
    assert able == {line.partition(" --")[0] for line in TOLD} | STREAMS - {"dead-letter export"}


def test_a_dry_run_shows_no_secret(planted: tuple[Path, dict[str, str]]) -> None:
    """What would be replayed or deleted is told with its errors, and without what is in them."""
    for verb in ("replay", "delete"):
        seen = told(planted, f"dead-letter {verb} --all --dry-run")
        assert "login refused" in seen
        assert CANARY.findall(seen) == []


@pytest.mark.parametrize(("reveal", "expected"), [(False, []), (True, ["canary-seven"])])
async def test_tail(
    sqlite_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reveal: bool,
    expected: list[str],
) -> None:
    """What fails while it is followed is told in the same way."""
    async with Soniq(database_url=str(sqlite_path)) as app:
        app.job(name="door.fails")(fails)
        look = Follower.look

        async def work_and_look(follower: Follower) -> Any:
            changes = await look(follower)
            if any(change.what == "dead" for change in changes):
                monkeypatch.setattr(Follower, "look", end)
            elif not await app.dead_letter.list():
                await app.enqueue("door.fails", args={"password": "canary-seven"})
                await app.run_worker(run_once=True)
            return changes

        async def end(follower: Follower) -> Any:
            del follower
            raise KeyboardInterrupt

        monkeypatch.setattr(Follower, "look", work_and_look)
        monkeypatch.setattr(jobs_tail, "EVERY", 0)
        with pytest.raises(KeyboardInterrupt):
            await jobs_tail.follow(app, "", as_lines=True, reveal=reveal)
    printed = capsys.readouterr().out
    assert "login refused" in printed
    assert CANARY.findall(printed) == expected
