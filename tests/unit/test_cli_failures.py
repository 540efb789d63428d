"""``soniq dead-letter`` with many failures: find, look, try a few, then all; and who did it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from soniq import Soniq
from soniq.cli import render
from soniq.cli.actor import actor
from soniq.cli.commands import app as cli
from soniq.errors import PermanentFailure

Run = Callable[..., Result]
LETTER = "dead-letter"


def pay(order: int) -> None:
    """Fail for good."""
    message = f"order {order} is not paid"
    raise PermanentFailure(message)


def mail(to: str) -> None:
    """Fail once more."""
    raise ConnectionError(to)


@pytest.fixture
def ids(sqlite_path: Path) -> list[str]:
    """A file with dead letters: the ids of six unpaid orders and a mail, oldest first."""

    async def fill() -> list[str]:
        async with Soniq(database_url=str(sqlite_path)) as app:
            app.job(name="shop.pay", queue="money")(pay)
            app.job(name="mail.send", retries=1, retry_delay=0)(mail)
            made = [await app.enqueue("shop.pay", args={"order": n}) for n in range(1, 7)]
            made.append(await app.enqueue("mail.send", args={"to": "'a@example.org'"}))
            await app.run_worker(run_once=True)
            return made

    return asyncio.run(fill())


@pytest.fixture
def run(sqlite_path: Path) -> Run:
    """Run a command on this test's file; fail unless it exits as expected."""

    def call(*words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, [*words, "--database-url", str(sqlite_path)])
        assert result.exit_code == code, result.output
        return result

    return call


def first_cells(result: Result) -> list[str]:
    """Return the first cell of each line of stdout."""
    return [line.split("\t")[0] for line in result.stdout.splitlines()]


def failure(run: Run) -> str:
    """Return the fingerprint of the most frequent failure."""
    return first_cells(run(LETTER, "groups"))[0]


def entries(run: Run) -> list[dict[str, Any]]:
    """Return what people did, the first one first."""
    found: list[dict[str, Any]] = json.loads(run("audit", "--json").stdout)
    return found[::-1]


def test_groups_are_shown(run: Run, ids: list[str]) -> None:
    """The most frequent failure first, without what varies in it."""
    shown = run(LETTER, "groups")
    rows = [line.split("\t") for line in shown.stdout.splitlines()]
    assert [(row[1], row[3], row[4], row[6]) for row in rows] == [
        ("6", "shop.pay", "permanent_failure", "PermanentFailure: order … is not paid"),
        ("1", "mail.send", "max_retries_exceeded", "ConnectionError: '…'"),
    ]
    assert "2 failures in 7 dead letters" in shown.stderr
    told = json.loads(run(LETTER, "groups", "--json", "--limit", "1").stdout)
    assert (told["looked_at"], told["complete"], len(told["items"])) == (7, True, 1)
    assert told["items"][0]["sample_id"] == ids[5]


def test_no_failures(run: Run) -> None:
    """Where there are none, it says so."""
    run("setup")
    assert "There are no dead letters" in run(LETTER, "groups").stderr
    assert "Nobody has changed anything" in run("audit").stderr


FOUND = {
    ("--task", "shop.*"): [5, 4, 3, 2, 1, 0],
    ("--error", "order 3"): [2],
    ("--search", "task:shop.pay args.order:4"): [3],
    ("--search", "args.order:4", "--queue", "money"): [3],
    ("--search", "age:>1h"): [],
    ("--queue", "default"): [6],
    ("--older-than", "0", "--queue", "default"): [6],
    ("--older-than", "1h"): [],
    ("--reason", "max_retries_exceeded", "--error", "example"): [6],
}


def test_filters_find(run: Run, ids: list[str]) -> None:
    """Each alone and together; the same ones are listed and exported."""
    for words, places in FOUND.items():
        expected = [ids[place] for place in places]
        assert first_cells(run(LETTER, "list", *words)) == expected
        lines = run(LETTER, "export", *words).stdout.splitlines()
        assert [json.loads(line)["id"] for line in lines] == expected


def test_pages_of_a_search(run: Run, ids: list[str]) -> None:
    """The hint leads to the next page, however the letters are chosen."""
    for words in (("--task", "shop.*"), ("--fingerprint", failure(run))):
        page = run(LETTER, "list", *words, "--limit", "4")
        assert first_cells(page) == ids[5:1:-1]
        hint = page.stderr.partition("--after ")[2].strip(" .\n")
        rest = run(LETTER, "list", *words, "--limit", "4", "--after", hint)
        assert (first_cells(rest), rest.stderr) == (ids[1::-1], "")
    assert "--after" in run(LETTER, "list", "--error", "x", "--offset", "1", code=2).stderr


UNCLEAR = [
    ("list", "--search", "colour:red"),
    ("list", "--search", "queue:a", "--queue", "b"),
    ("list", "--after", "x"),
    ("replay",),
    ("replay", "x", "--error", "y"),
    ("replay", "x", "--first", "1"),
    ("delete",),
    ("delete", "x", "--all"),
]


def test_what_is_meant_must_be_clear(run: Run) -> None:
    """Unknown words, the same thing said twice, or nothing said: wrong usage."""
    run("setup")
    for words in UNCLEAR:
        run(LETTER, *words, code=2)


def test_a_letter_is_shown_with_its_attempts(
    run: Run, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt with its error, and the failure that it is one of."""
    told = json.loads(run(LETTER, "show", ids[6], "--json").stdout)
    assert [(one["attempt"], one["outcome"]) for one in told["history"]] == [
        (1, "retry"), (2, "bury")
    ]  # fmt: skip
    assert told["fingerprint"] == first_cells(run(LETTER, "groups"))[1]
    assert '"outcome": "retry"' in run(LETTER, "show", ids[6]).stdout
    monkeypatch.setattr(render, "on_terminal", lambda: True)
    drawn = run(LETTER, "show", ids[6]).stdout
    assert "ended as" in drawn
    assert "ms" in drawn


def test_a_canary_then_the_rest(run: Run, ids: list[str]) -> None:
    """The five oldest first, with words on how to go on, which can be typed as they stand."""
    words = (LETTER, "replay", "--fingerprint", failure(run))
    seen = run(*words, "--first", "5", "--dry-run")
    assert "Would replay the 5 oldest of 6 dead letters" in seen.stderr
    assert "money 6" in seen.stderr
    assert ids[5] in seen.stderr
    assert "Replay the 5 oldest of 6 dead letters?" in run(*words, "--first", "5", code=2).stderr
    tried = run(*words, "--first", "5", "--yes")
    assert len(first_cells(tried)) == 5
    assert "`soniq jobs list --name shop.pay`" in tried.stderr
    rest = tried.stderr.partition("the rest: `soniq ")[2].partition("`")[0].split()
    assert len(first_cells(run(*rest, "--yes"))) == 1
    again = run(*rest)
    assert (again.stdout, "no dead letters" in again.stderr) == ("", True)
    made = [(one["actor"], one["action"], one["target"]) for one in entries(run)]
    assert made == [(actor(), "dead_letters.replay", f"fingerprint:{words[-1]}")] * 2
    assert [one["detail"]["count"] for one in entries(run)] == [5, 1]
    assert entries(run)[0]["detail"]["new_ids"] == first_cells(tried)


def test_matching_letters_are_deleted(run: Run, ids: list[str]) -> None:
    """Only with --yes in a pipe; a dry run changes nothing; nothing else is deleted."""
    words = (LETTER, "delete", "--search", "args.order:2")
    assert "Delete 1 dead letter for good?" in run(*words, code=2).stderr
    assert "Would delete 1 dead letter" in run(*words, "--dry-run").stderr
    assert "Deleted 1 dead letter." in run(*words, "--yes").stderr
    assert len(first_cells(run(LETTER, "list"))) == 6
    assert "Deleted 6 dead letters." in run(LETTER, "delete", "--all", "--yes").stderr
    assert [one["target"] for one in entries(run)] == ["args.order:2", "all"]


ALIKE = [
    ("--queue", "default"),
    ("--task", "mail.*"),
    ("--reason", "max_retries_exceeded"),
    ("--error", "EXAMPLE"),
    ("--search", "task:mail.send args.to:'a@example.org'"),
    ("--fingerprint", "…"),
]


@pytest.mark.parametrize("verb", ["replay", "delete", "cleanup"])
def test_every_verb_takes_every_filter(run: Run, ids: list[str], verb: str) -> None:
    """Each filter means the one mail, alone and with an age; nothing else is touched."""
    mail_failure = first_cells(run(LETTER, "groups"))[1]
    for words in ALIKE:
        asked = [mail_failure if word == "…" else word for word in words]
        for age in (["0"], ["1h"]) if verb == "cleanup" else ([], ["0"], ["1h"]):
            aged = [*asked, *(["--older-than", *age] if age else [])]
            seen = run(LETTER, verb, *aged, "--dry-run").stderr
            expected = "no dead letters" if age == ["1h"] else "1 dead letter."
            assert expected in seen, (aged, seen)
    old = "--older-than", "0"
    run(LETTER, verb, *asked, *old, "--yes")
    left = first_cells(run(LETTER, "list"))
    assert (ids[6] in left, set(ids[:6]) <= set(left)) == (verb == "replay", True)
    assert run(LETTER, verb, *asked, *old, "--yes").stdout == ""
    [note] = entries(run)
    assert note["target"] == f"fingerprint:{mail_failure} older-than:0s"


def test_every_change_is_noted(run: Run, ids: list[str]) -> None:
    """Who did what to which, the latest first; a dry run or a missing id is no change."""
    run(LETTER, "replay", ids[0], "--dry-run")
    run(LETTER, "replay", "x", code=5)
    new_id = run(LETTER, "replay", ids[0]).stdout.strip()
    run(LETTER, "delete", ids[1], "--yes")
    run(LETTER, "cleanup", "--older-than", "0", "--queue", "money", "--yes")
    made = [(one["action"], one["target"], one["detail"]) for one in entries(run)]
    assert made == [
        ("dead_letters.replay", ids[0], {"new_id": new_id}),
        ("dead_letters.delete", ids[1], {"task": "shop.pay"}),
        ("dead_letters.cleanup", "queue:money older-than:0s", {"count": 5}),
    ]
    page = run("audit", "--limit", "2")
    assert len(page.stdout.splitlines()) == 2
    before = page.stderr.partition("--before ")[2].strip(" .\n")
    assert [
        line.split("\t")[3] for line in run("audit", "--before", before).stdout.splitlines()
    ] == [ids[0]]


def test_entries_are_drawn(run: Run, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal with how long ago it was."""
    run(LETTER, "delete", ids[1], "--yes")
    monkeypatch.setattr(render, "on_terminal", lambda: True)
    drawn = run("audit").stdout
    assert "dead_letters.delete" in drawn
    assert "when" in drawn


def test_an_export_can_leave_out_secrets(
    run: Run, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usual names and those of the setting, in arguments and errors; else it is exact."""

    def login(password: str, badge: str) -> None:
        message = f"password={password} badge={badge}"
        raise PermanentFailure(message)

    async def fill() -> None:
        async with Soniq(database_url=str(sqlite_path)) as app:
            app.job(name="door.login")(login)
            await app.enqueue("door.login", args={"password": "s3cr3t-1", "badge": "s3cr3t-2"})
            await app.run_worker(run_once=True)

    asyncio.run(fill())
    monkeypatch.setenv("SONIQ_REDACT_KEYS", "badge, licence")
    exact = json.loads(run(LETTER, "export").stdout)
    assert exact["args"] == {"password": "s3cr3t-1", "badge": "s3cr3t-2"}
    shown = run(LETTER, "export", "--redact").stdout
    assert "s3cr3t" not in shown
    assert json.loads(shown)["args"] == {"password": "[redacted]", "badge": "[redacted]"}
