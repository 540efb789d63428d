"""Every command on a database with jobs in it, run within this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from soniq import Soniq
from soniq.backends.migrations import scripts
from soniq.backends.sqlite.queries import FOLDER
from soniq.cli import status
from soniq.cli.commands import app as cli
from soniq.errors import PermanentFailure

Run = Callable[..., Result]
STEPS = scripts(FOLDER)


def fails(number: int) -> None:
    """Fail for good, with an error that holds more than text."""
    message = f"number \x1b[31m{number}"
    raise PermanentFailure(message)


def doubles(number: int) -> int:
    """Return twice the number."""
    return 2 * number


def on(path: Path, work: Callable[[Soniq], Coroutine[Any, Any, Any]]) -> Any:
    """Return what the work makes of an app on the file."""

    async def whole() -> Any:
        async with Soniq(database_url=str(path)) as app:
            app.job(name="math.doubles")(doubles)
            app.job(name="math.fails", queue="risky")(fails)
            return await work(app)

    return asyncio.run(whole())


@pytest.fixture
def ids(sqlite_path: Path) -> dict[str, str]:
    """A file with jobs in it: the ids of one that is done, one that waits, two that are dead."""

    async def fill(app: Soniq) -> dict[str, str]:
        made = {
            "done": await app.enqueue("math.doubles", args={"number": 1}),
            "dead": await app.enqueue("math.fails", args={"number": 2}),
            "dead too": await app.enqueue("math.fails", args={"number": 3}),
        }
        await app.run_worker(run_once=True)
        made["queued"] = await app.enqueue("math.doubles", args={"number": 4}, scheduled_at=90)
        return made

    filled: dict[str, str] = on(sqlite_path, fill)
    return filled


@pytest.fixture
def run(sqlite_path: Path) -> Run:
    """Run a command on this test's file; fail unless it exits as expected."""

    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [*words, "--database-url", str(sqlite_path)])
        assert result.exit_code == code, result.output
        return result

    return call


def lines(result: Result) -> list[list[str]]:
    """Return stdout as lines of cells."""
    return [line.split("\t") for line in result.stdout.splitlines()]


def test_status_counts(run: Run, ids: dict[str, str]) -> None:
    """Database, schema, what is due; per queue what waits, and what has become of attempts."""
    told = {row[0]: row[1:] for row in lines(run("status"))}
    assert told["schema"] == [f"version {len(STEPS)}"]
    assert told["next due"][0].startswith("in ")
    rows = [row for row in lines(run("status")) if row[0] == "queue"]
    assert [row[:7] + row[9:] for row in rows] == [
        ["queue", "default", "0", "1", "0", "0", "", "1", "0", "0", ""],
        ["queue", "risky", "0", "0", "0", "2", "", "0", "2", "0", ""],
    ]
    # Two came to each a moment ago; one of the first is for later.
    assert [float(row[7]) for row in rows] == [2 / 60, 2 / 60]
    assert all(n / 120 <= float(row[8]) <= n / 60 for n, row in zip((1, 2), rows, strict=True))


def test_status_as_json(run: Run, ids: dict[str, str], sqlite_path: Path) -> None:
    """One document with everything."""
    told = json.loads(run("status", "--json").stdout)
    assert told["database"] == str(sqlite_path)
    assert told["queues"]["risky"]["dead_letter"] == 2
    assert told["queues"]["risky"]["last_hour"]["buried"] == 2
    assert (told["schema_version"], told["schema_pending"], told["workers"]) == (len(STEPS), 0, [])
    assert 0 < told["next_due_in"] <= 90


def test_a_queue_that_is_done_and_one_that_is_paused(run: Run, sqlite_path: Path) -> None:
    """The one shows for an hour, the other one is not what is due next."""

    async def fill(app: Soniq) -> None:
        await app.enqueue("math.doubles", args={"number": 1})
        await app.run_worker(run_once=True)
        await app.enqueue("math.fails", args={"number": 1})
        await app.queues.pause("risky", by="ana", reason="deploy")

    on(sqlite_path, fill)
    told = json.loads(run("status", "--json").stdout)
    assert told["next_due_in"] is None
    assert told["queues"]["default"]["last_hour"]["completed"] == 1
    assert told["queues"]["risky"]["pause"]["reason"] == "deploy"
    rows = {row[1]: row for row in lines(run("status")) if row[0] == "queue"}
    assert rows["risky"][-1] == told["queues"]["risky"]["pause"]["paused_at"]


def test_status_check(
    run: Run, ids: dict[str, str], sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that have been due for long and have no worker: exit code 3, the queues, the cure."""
    on(sqlite_path, lambda app: app.enqueue("math.doubles", args={"number": 1}, queue="math"))
    assert json.loads(run("status", "--check", "--json").stdout) == {"ok": True, "problems": []}
    assert run("status", "--check").stdout == ""
    monkeypatch.setattr(status, "UNSERVED_SECONDS", 0.0)
    told = run("status", "--check", code=3)
    assert [row[:2] for row in lines(told)] == [["unserved", "math"]]
    assert "--queues math" in told.stderr
    found = json.loads(run("status", "--check", "--json", code=3).stdout)
    assert (found["ok"], [problem["queue"] for problem in found["problems"]]) == (False, ["math"])


def test_doctor(run: Run, ids: dict[str, str]) -> None:
    """What is wrong comes first, with its cure, and makes exit code 3; some checks alone."""
    told = run("doctor", code=3)
    rows = lines(told)
    assert rows[0][0] != "ok"
    assert {row[0] for row in rows} >= {"ok", "warning"}
    assert told.stderr.startswith(f"{len(rows)} checks: ")
    [row] = lines(run("doctor", "--only", "no-worker", code=3))
    assert (row[:2], row[-1]) == (["warning", "no-worker"], "soniq worker module:app")
    found = json.loads(run("doctor", "--only", "quick-check,journal-mode", "--json").stdout)
    assert found["ok"] is True
    assert [one["id"] for one in found["findings"]] == ["journal-mode", "quick-check"]
    assert "Did you mean 'no-worker'?" in run("doctor", "--only", "no-workers", code=2).stderr


def test_doctor_on_a_terminal(
    run: Run, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is well is only counted, unless it is asked for."""
    monkeypatch.setattr("soniq.cli.render.on_terminal", lambda: True)
    told = run("doctor", code=3).stdout
    assert "Cure: soniq worker module:app" in told
    assert "journal-mode" not in told
    assert "journal-mode" in run("doctor", "--all", code=3).stdout


def test_doctor_makes_nothing(run: Run, sqlite_path: Path) -> None:
    """Where there is no database, the pending schema is what is wrong."""
    assert "soniq setup" in run("doctor", code=3).stdout
    assert not sqlite_path.exists()


@pytest.mark.parametrize("command", ["status", "jobs list", "dead-letter list"])
def test_looking_creates_nothing(run: Run, sqlite_path: Path, command: str) -> None:
    """Where there is no database, a command that looks says so and makes none."""
    assert "Run `soniq setup`" in run(*command.split(), code=1).stderr
    assert not sqlite_path.exists()


def test_setup_and_migrate_status(run: Run) -> None:
    """Pending is exit code 3, applied is 0; a second setup finds nothing to do."""
    assert lines(run("migrate-status", code=3)) == [
        [f"{step.version:04d}", step.name, "pending"] for step in STEPS
    ]
    assert "Applied 0001 jobs" in run("setup").stderr
    assert "was up to date" in run("setup").stderr
    assert json.loads(run("migrate-status", "--json").stdout)[0]["applied_at"]


def test_jobs_are_listed(run: Run, ids: dict[str, str]) -> None:
    """Newest first, with filters, and a hint where there is more."""
    assert [row[0] for row in lines(run("jobs", "list"))] == [ids["queued"], ids["done"]]
    assert [row[0] for row in lines(run("jobs", "list", "--status", "done"))] == [ids["done"]]
    more = run("jobs", "list", "--limit", "1").stderr
    assert f"--after {ids['queued']}" in more
    assert [row[0] for row in lines(run("jobs", "list", "--after", ids["queued"]))] == [ids["done"]]
    assert "No job matches" in run("jobs", "list", "--queue", "none").stderr
    listed = json.loads(run("jobs", "list", "--json", "--name", "math.doubles").stdout)
    assert [job["args"] for job in listed] == [{"number": 4}, {"number": 1}]


def test_an_unknown_status_is_wrong_usage(run: Run, ids: dict[str, str]) -> None:
    """The message names the states that there are."""
    assert "queued, processing" in run("jobs", "list", "--status", "x", code=2).stderr


def test_a_job_is_shown(run: Run, ids: dict[str, str]) -> None:
    """All its facts, with arguments and result as JSON."""
    told = dict(lines(run("jobs", "show", ids["done"])))
    assert (told["status"], told["args"], told["result"]) == ("done", '{"number": 1}', "2")
    assert json.loads(run("jobs", "show", ids["done"], "--json").stdout)["result"] == 2


def test_a_missing_job_is_explained(run: Run, ids: dict[str, str]) -> None:
    """Not found is exit code 5; a dead one is to be looked for elsewhere."""
    assert "soniq jobs list" in run("jobs", "show", "x", code=5).stderr
    dead = run("jobs", "show", ids["dead"], code=5)
    assert f"soniq dead-letter show {ids['dead']}" in dead.stderr
    alive = run("dead-letter", "show", ids["done"], code=5)
    assert f"soniq jobs show {ids['done']}" in alive.stderr


def test_waiting_jobs_are_cancelled(run: Run, ids: dict[str, str]) -> None:
    """Only with --yes in a pipe; a dry run changes nothing; the worst failure is the exit code."""
    queued = ids["queued"]
    assert "--yes" in run("jobs", "cancel", queued, code=2).stderr
    assert f"Would cancel {queued}" in run("jobs", "cancel", queued, "--dry-run").stderr
    assert f"Cancelled {queued}" in run("jobs", "cancel", queued, "--yes").stderr
    assert "can't be cancelled" in run("jobs", "cancel", queued, "--yes", code=1).stderr
    run("jobs", "cancel", queued, "x", "--yes", code=5)
    assert json.loads(run("jobs", "show", queued, "--json").stdout)["status"] == "cancelled"


def test_dead_letters_are_listed_and_shown(run: Run, ids: dict[str, str]) -> None:
    """With reason and error; nothing that a terminal could obey."""
    rows = lines(run("dead-letter", "list", "--reason", "permanent_failure"))
    assert {row[0] for row in rows} == {ids["dead"], ids["dead too"]}
    assert rows[0][-1].startswith(r"PermanentFailure: number \x1b[31m")
    shown = run("dead-letter", "show", ids["dead"])
    assert "\x1b" not in shown.stdout
    assert "Traceback" in dict(lines(shown))["last_traceback"]
    assert json.loads(run("dead-letter", "show", ids["dead"], "--json").stdout)["attempts"] == 1
    assert "No dead letters match" in run("dead-letter", "list", "--queue", "x").stderr
    assert len(json.loads(run("dead-letter", "list", "--json").stdout)) == 2


def test_a_dead_letter_is_replayed(run: Run, ids: dict[str, str]) -> None:
    """By id without a question; the new id goes to stdout; a missing one is exit code 5."""
    assert "Would replay" in run("dead-letter", "replay", ids["dead"], "--dry-run").stderr
    new_id = run("dead-letter", "replay", ids["dead"]).stdout.strip()
    assert json.loads(run("jobs", "show", new_id, "--json").stdout)["status"] == "queued"
    assert "No dead letter x" in run("dead-letter", "replay", "x", code=5).stderr


def test_all_dead_letters_are_replayed_once(run: Run, ids: dict[str, str]) -> None:
    """With --all and --yes; those that were replayed before are left alone."""
    assert "--yes" in run("dead-letter", "replay", "--all", code=2).stderr
    replay = ("dead-letter", "replay", "--all", "--name", "math.fails", "--yes")
    assert len(run(*replay, "--limit", "1").stdout.split()) == 1
    assert len(run(*replay).stdout.split()) == 1
    assert run(*replay).stdout == ""


@pytest.mark.parametrize("words", [(), ("x", "--all"), ("x", "--queue", "y")])
def test_what_to_replay_must_be_clear(run: Run, ids: dict[str, str], words: tuple[str]) -> None:
    """Ids or --all with filters, not both and not neither."""
    run("dead-letter", "replay", *words, code=2)


def test_dead_letters_are_deleted(run: Run, ids: dict[str, str]) -> None:
    """Only with --yes in a pipe; a dry run changes nothing."""
    run("dead-letter", "delete", ids["dead"], code=2)
    run("dead-letter", "delete", ids["dead"], "--dry-run")
    assert "Deleted 1 dead letter." in run("dead-letter", "delete", ids["dead"], "--yes").stderr
    run("dead-letter", "delete", ids["dead"], "--yes", code=5)


def test_old_dead_letters_are_cleaned_up(run: Run, ids: dict[str, str]) -> None:
    """By age: what is younger stays, and nothing goes without --yes in a pipe."""
    cleanup = ("dead-letter", "cleanup", "--older-than")
    assert "There are no dead letters" in run(*cleanup, "1h").stderr
    assert "Would delete 2 dead letters." in run(*cleanup, "0", "--dry-run").stderr
    assert "Delete 2 dead letters" in run(*cleanup, "0", code=2).stderr
    assert "Deleted 2 dead letters." in run(*cleanup, "0", "--queue", "risky", "--yes").stderr
    assert "no duration" in run(*cleanup, "7", code=2).stderr


def test_dead_letters_are_exported(run: Run, ids: dict[str, str]) -> None:
    """One JSON document a line, every letter once."""
    exported = [json.loads(line) for line in run("dead-letter", "export").stdout.splitlines()]
    assert {letter["id"] for letter in exported} == {ids["dead"], ids["dead too"]}


def test_a_question_is_asked_on_a_terminal(
    run: Run, ids: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer no changes nothing and is exit code 1."""
    monkeypatch.setattr("soniq.cli.options.can_ask", lambda: True)
    asked: list[str] = []

    def refuse(question: str, **_: object) -> bool:
        asked.append(question)
        return False

    monkeypatch.setattr("typer.confirm", refuse)
    assert "Nothing was done" in run("jobs", "cancel", ids["queued"], code=1).stderr
    assert asked == ["Cancel 1 job?"]
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    run("jobs", "cancel", ids["queued"])


def test_version_and_debug(sqlite_path: Path) -> None:
    """The version is printed; --debug shows where an error came from."""
    assert CliRunner().invoke(cli, ["--version"]).stdout.startswith("soniq ")
    told = CliRunner().invoke(cli, ["--debug", "status", "--database-url", "mysql://x"])
    assert told.exit_code == 2
    assert told.stderr.startswith("Traceback")
