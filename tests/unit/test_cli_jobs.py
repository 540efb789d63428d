"""``soniq jobs``: search, show, why, retry, cancel, tail, run within this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from soniq import Soniq
from soniq.backends.operator_contract import DatabaseFacts, TableFacts
from soniq.cli import jobs_tail
from soniq.cli.commands import app as cli
from soniq.history import AuditEntry
from soniq.job import Job

Run = Callable[..., Result]


def greet(name: str) -> str:
    """Return a greeting, unless there is nobody to greet."""
    if not name:
        message = "nobody"
        raise ValueError(message)
    return f"Hello {name}"


@dataclass(frozen=True)
class Ids:
    """The jobs of the file: done, waiting for a retry, for tomorrow, dead."""

    done: str
    failed: str
    later: str
    dead: str


async def fill(path: Path) -> Ids:
    """Make the jobs."""
    async with Soniq(database_url=str(path)) as app:
        app.job(name="greet.one", retries=3, retry_delay=3600)(greet)
        app.job(name="greet.once", retries=0, queue="risky")(greet_once)
        done = await app.enqueue("greet.one", args={"name": "Ada"})
        failed = await app.enqueue("greet.one", args={"name": ""})
        dead = await app.enqueue("greet.once", args={"name": ""})
        await app.run_worker(run_once=True)
        later = await app.enqueue("greet.one", args={"name": "Bob"}, scheduled_at=86_400)
    return Ids(done, failed, later, dead)


def greet_once(name: str) -> str:
    """Greet."""
    return greet(name)


def on(path: Path, work: Callable[[Soniq], Coroutine[Any, Any, Any]]) -> Any:
    """Return what the work makes of an app on the file."""

    async def whole() -> Any:
        async with Soniq(database_url=str(path), enqueue_validation="none") as app:
            return await work(app)

    return asyncio.run(whole())


@pytest.fixture
def ids(sqlite_path: Path) -> Ids:
    """A file with jobs in it."""
    return asyncio.run(fill(sqlite_path))


@pytest.fixture
def run(sqlite_path: Path) -> Run:
    """Run ``soniq jobs`` on this test's file; fail unless it exits as expected."""

    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, ["jobs", *words, "--database-url", str(sqlite_path)])
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands believe that a person looks."""
    monkeypatch.setattr("soniq.cli.render.on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "160")


def lines(result: Result) -> list[list[str]]:
    """Return stdout as lines of cells."""
    return [line.split("\t") for line in result.stdout.splitlines()]


def first_cells(result: Result) -> list[str]:
    """Return the first cell of each line."""
    return [row[0] for row in lines(result)]


def statuses(path: Path) -> dict[str, str]:
    """Return the states of all jobs by id."""
    jobs: list[Job] = on(path, lambda app: app.list_jobs())
    return {job.id: job.status.value for job in jobs}


def noted(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what was noted of what people did, the latest first."""
    entries: list[AuditEntry] = on(path, lambda app: app.audit.list())
    assert all(entry.actor.startswith("cli:") or entry.actor == "ana" for entry in entries)
    return [(entry.action, entry.target, entry.detail) for entry in entries]


# --- look -----------------------------------------------------------------------------------------


def test_jobs_are_searched_in_words(run: Run, ids: Ids) -> None:
    """In one argument or in several, along with the filters."""
    assert first_cells(run("list", "state:queued args.name:Bob")) == [ids.later]
    assert first_cells(run("list", "state:queued", "error:NOBODY")) == [ids.failed]
    assert first_cells(run("list", "task:greet.*", "--status", "done")) == [ids.done]
    assert first_cells(run("list", "--name", "greet.*")) == [ids.later, ids.failed, ids.done]
    found = json.loads(run("list", "attempts:0", "--json").stdout)
    assert [job["id"] for job in found] == [ids.later]


def test_searches_that_make_no_sense(run: Run, ids: Ids) -> None:
    """Wrong usage, with what is known."""
    assert "known are task:, queue:" in run("list", "colour:red", code=2).stderr
    assert "--queue says" in run("list", "queue:a", "--queue", "b", code=2).stderr
    assert "is no id" in run("list", "--after", "x", code=2).stderr


def test_a_search_that_was_cut_off_says_so(
    run: Run, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many it has looked at, of how many, and how to search on."""
    monkeypatch.setattr("soniq.jobs.WINDOW", 2)

    async def facts(*_: object) -> DatabaseFacts:
        table = TableFacts("soniq_jobs", 1, 1, 1234, 0)
        return DatabaseFacts("sqlite", "3", now=None, tables=(table,))  # type: ignore[arg-type]

    monkeypatch.setattr("soniq.stats.Stats.database", facts)
    told = run("list", "task:none").stderr
    assert f"Searched the newest 2 of about 1,234 jobs. To search on: --after {ids.failed}" in told
    rest = run("list", "state:done", "--after", ids.failed)
    assert (first_cells(rest), rest.stderr) == ([ids.done], "")
    assert "Searched the newest 2 of" in run("list", "state:done", "--json").stderr


def test_a_job_is_shown_with_its_attempts(run: Run, ids: Ids) -> None:
    """As JSON and in a pipe with all there is."""
    told = json.loads(run("show", ids.failed, "--json").stdout)
    [attempt] = told["history"]
    assert (attempt["attempt"], attempt["outcome"]) == (1, "retry")
    assert attempt["error"] == told["last_error"] == "ValueError: nobody"
    assert "in greet" in attempt["traceback"]
    assert json.loads(dict(lines(run("show", ids.failed)))["history"])[0]["attempt"] == 1
    assert json.loads(run("show", ids.later, "--json").stdout)["history"] == []


@pytest.mark.usefixtures("on_terminal")
def test_a_job_is_shown_to_a_person(run: Run, ids: Ids) -> None:
    """The attempts as a table; of the traceback only what is the user's own code."""
    told = run("show", ids.failed)
    assert "ended as" in told.stdout
    assert "frames of soniq" in told.stdout
    assert told.stdout.count("Traceback") == 1
    assert "--json has them all" in told.stderr


def test_why(run: Run, ids: Ids) -> None:
    """Code, sentence and facts; a dead letter is told, too; none is exit code 5."""
    told = dict(lines(run("why", ids.later)))
    assert (told["code"], told["queue"]) == ("scheduled", "default")
    assert told["sentence"].startswith("It is scheduled for ")
    assert json.loads(run("why", ids.failed, "--json").stdout)["facts"]["attempts"] == 1
    assert json.loads(run("why", ids.dead, "--json").stdout)["code"] == "dead"
    assert "wrong id" in run("why", "x", code=5).stderr


@pytest.mark.usefixtures("on_terminal")
def test_why_for_a_person(run: Run, ids: Ids) -> None:
    """The sentence comes first."""
    assert run("why", ids.done).stdout.startswith("It is done: attempt 1 ended well at ")


# --- change ---------------------------------------------------------------------------------------


def test_jobs_are_retried(run: Run, ids: Ids, sqlite_path: Path) -> None:
    """By id, without a question; the ids of what will run are the data; it is noted who did so."""
    dry = run("retry", ids.failed, ids.done, ids.dead, "--dry-run")
    assert (dry.stdout, dry.stderr.count("Would")) == ("", 3)
    told = run("retry", ids.failed, ids.done, ids.dead, "--by", "ana")
    hastened, cloned, replayed = told.stdout.split()
    assert hastened == ids.failed
    now = statuses(sqlite_path)
    assert now[cloned] == now[replayed] == now[hastened] == "queued"
    assert noted(sqlite_path) == [
        ("jobs.retry", ids.dead, {"job_id": replayed, "how": "replayed"}),
        ("jobs.retry", ids.done, {"job_id": cloned, "how": "cloned"}),
        ("jobs.retry", ids.failed, {"job_id": ids.failed, "how": "hastened"}),
    ]
    assert "is due already" in run("retry", hastened, code=1).stderr
    assert "needs none" in run("retry", hastened, "--dry-run", code=1).stderr
    run("retry", hastened, "x", code=5)


def test_jobs_that_match_are_retried(run: Run, ids: Ids, sqlite_path: Path) -> None:
    """A few first, then all."""
    assert (
        "Would retry the 1 newest of 2 jobs"
        in run("retry", "--matching", "state:queued", "--first", "1", "--dry-run").stderr
    )
    told = run("retry", "-m", "state:queued", "--first", "1", "--yes")
    assert "Retried 1 job." in told.stderr
    assert noted(sqlite_path) == [("jobs.retry", "state:queued", {"count": 1})]


def test_a_cancellation_is_noted(run: Run, ids: Ids, sqlite_path: Path) -> None:
    """With the task; a dry run, and what has ended, leave no note."""
    run("cancel", ids.later, "--dry-run")
    run("cancel", ids.done, "--yes", code=1)
    assert noted(sqlite_path) == []
    run("cancel", ids.later, "--yes")
    detail = {"task": "greet.one", "running": False}
    assert noted(sqlite_path) == [("jobs.cancel", ids.later, detail)]


def test_jobs_that_match_are_cancelled(run: Run, ids: Ids, sqlite_path: Path) -> None:
    """Looked at first: how many, where, the newest; then only with --yes in a pipe."""
    matching = ("cancel", "--matching", "task:greet.*")
    told = run(*matching, "--dry-run").stderr
    assert "Would cancel 2 jobs." in told
    assert "default 2" in told
    assert told.index(ids.later) < told.index(ids.failed)
    assert ids.done not in told
    assert "--yes" in run(*matching, code=2).stderr
    assert set(statuses(sqlite_path).values()) == {"queued", "done"}
    assert "Cancelled 2 jobs." in run(*matching, "--yes").stderr
    assert set(statuses(sqlite_path).values()) == {"cancelled", "done"}
    assert noted(sqlite_path) == [("jobs.cancel", "task:greet.*", {"count": 2})]
    assert "There are no jobs to cancel" in run(*matching).stderr
    assert "Cancelled 0 jobs." in run(*matching, "--yes").stderr
    assert len(noted(sqlite_path)) == 1


@pytest.mark.parametrize("command", ["cancel", "retry"])
@pytest.mark.parametrize("words", [(), ("x", "--matching", "state:queued")])
def test_which_jobs_are_meant_must_be_clear(
    run: Run, ids: Ids, command: str, words: tuple[str, ...]
) -> None:
    """Ids or a search, not both and not neither."""
    assert "Say which" in run(command, *words, code=2).stderr


# --- follow ---------------------------------------------------------------------------------------


@pytest.fixture
def busy(sqlite_path: Path, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancel a job while it is followed, and interrupt the second look after that."""
    looks = 0
    pause = asyncio.sleep

    async def sleep(seconds: float) -> None:
        nonlocal looks
        if seconds == jobs_tail.EVERY:
            looks += 1
            if looks == 1:
                async with Soniq(database_url=str(sqlite_path)) as app:
                    await app.cancel_job(ids.later)
            if looks == 3:
                raise KeyboardInterrupt
        await pause(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)


@pytest.mark.usefixtures("busy")
def test_changes_are_followed(run: Run, ids: Ids) -> None:
    """A line for each, with tabs; Ctrl-C is exit code 130."""
    [cells] = lines(run("tail", code=130))
    assert cells[1:6] == ["cancelled", ids.later, "greet.one", "default", "0"]


@pytest.mark.usefixtures("busy")
def test_changes_are_followed_as_json(run: Run, ids: Ids) -> None:
    """One document a line."""
    [line] = run("tail", "task:greet.*", "--jsonl", code=130).stdout.splitlines()
    change = json.loads(line)
    assert (change["what"], change["job_id"], change["seconds"]) == ("cancelled", ids.later, None)


@pytest.mark.usefixtures("busy", "on_terminal")
def test_changes_are_followed_by_a_person(run: Run, ids: Ids) -> None:
    """Aligned, with local times."""
    told = run("tail", code=130)
    assert f"cancelled  {ids.later}  greet.one  queue default  attempt 0" in told.stdout
    assert "Ctrl-C" in told.stderr


def test_only_what_matches_is_followed(run: Run, ids: Ids, busy: None) -> None:
    """A search narrows it; a wrong one is wrong usage."""
    del busy
    assert run("tail", "queue:risky", code=130).stdout == ""
    assert "Unknown word" in run("tail", "colour:red", code=2).stderr
