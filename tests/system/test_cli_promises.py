"""What holds for all commands: no password is shown, nothing is said twice, nothing is undone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from soniq import Soniq
from soniq.errors import PermanentFailure
from tests.system.conftest import SONIQ

CANARY = "canary-s3cret"
NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
APP = "from soniq import Soniq\napp = Soniq()\n"


@dataclass(frozen=True)
class Answer:
    """How a command ended and what it wrote."""

    code: int
    data: str
    talk: str

    @property
    def document(self) -> Any:
        """Its data, read as JSON."""
        return json.loads(self.data)


@dataclass
class Command:
    """Runs ``soniq`` in a folder, as a script does: stdin, stdout and stderr are pipes."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict[str, str])

    def __call__(self, *words: str) -> Answer:
        """Run a command to its end."""
        done = subprocess.run(
            [SONIQ, *words],
            cwd=self.folder,
            env=os.environ | self.settings,
            input="",
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def all(self, lines: Sequence[Sequence[str]], at_once: int = 3) -> list[Answer]:
        """Run several commands, some of them at once; return their answers in the same order."""
        with ThreadPoolExecutor(at_once) as pool:
            return [done.result() for done in [pool.submit(self, *words) for words in lines]]


@pytest.fixture
def soniq(tmp_path: Path) -> Command:
    """The command, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    return Command(folder)


@dataclass(frozen=True)
class Ids:
    """The jobs of a database: one done, one for tomorrow, one dead."""

    done: str
    queued: str
    dead: str


async def fill(url: str) -> Ids:
    """Make the three jobs; their texts would harm a terminal."""
    app = Soniq(database_url=url)

    @app.job(name="say.it")
    async def say_it(text: str) -> str:
        return text

    @app.job(name="fail.it")
    async def fail_it(text: str) -> None:
        raise PermanentFailure(text)

    async with app:
        done = await app.enqueue(say_it, text=NASTY)
        dead = await app.enqueue(fail_it, text=NASTY)
        await app.run_worker(run_once=True)
        queued = await app.schedule(say_it, 86_400, text=NASTY)
    return Ids(done, queued, dead)


@pytest.fixture
async def ids(system_url: str, soniq: Command) -> Ids:
    """Three jobs where the command looks, on SQLite and on PostgreSQL."""
    soniq.settings["SONIQ_DATABASE_URL"] = system_url
    return await fill(system_url)


@pytest.fixture
async def file_ids(soniq: Command) -> Ids:
    """Three jobs in soniq.db, where the command looks by itself."""
    return await fill(str(soniq.folder / "soniq.db"))


# --- reading --------------------------------------------------------------------------------------


async def test_data_is_on_stdout_and_harmless(soniq: Command, file_ids: Ids) -> None:
    """Every reading command: exit code 0, nothing on stderr, no control character in the data."""
    lines = [
        ("status",),
        ("migrate-status",),
        ("jobs", "list"),
        ("jobs", "show", file_ids.done),
        ("dead-letter", "list"),
        ("dead-letter", "show", file_ids.dead),
        ("dead-letter", "export"),
    ]
    for answer in soniq.all(lines):
        assert answer.code == 0, answer.talk
        assert answer.data.replace("\n", "").replace("\t", "").isprintable()
        assert answer.talk.replace("\n", "").isprintable()


async def test_json_is_one_document(soniq: Command, ids: Ids) -> None:
    """``--json`` gives what the database holds, byte for byte, and nothing on stderr."""
    lines = [
        ("status", "--json"),
        ("jobs", "list", "--json"),
        ("jobs", "show", ids.done, "--json"),
        ("dead-letter", "list", "--json"),
    ]
    answers = soniq.all(lines)
    assert [(answer.code, answer.talk) for answer in answers] == [(0, "")] * len(lines)
    assert all(answer.data.replace("\n", "").isprintable() for answer in answers)
    status, jobs, job, letters = (answer.document for answer in answers)
    assert status["queues"]["default"]["dead_letter"] == 1
    assert 86_000 < status["next_due_in"] <= 86_400
    assert [one["id"] for one in jobs] == [ids.queued, ids.done]
    assert (job["args"], job["result"]) == ({"text": NASTY}, NASTY)
    assert [(one["id"], one["reason"]) for one in letters] == [(ids.dead, "permanent_failure")]


def test_the_default_file_is_spoken_of_when_it_is_made(soniq: Command) -> None:
    """Without a URL the command that makes the file names it; those that look later are quiet."""
    assert soniq("status").code == 1
    assert list(soniq.folder.iterdir()) == []
    made = soniq("setup")
    assert made.code == 0
    assert str(soniq.folder / "soniq.db") in made.talk
    seen, steps = soniq.all([("status",), ("migrate-status",)])
    assert (seen.code, seen.talk) == (steps.code, steps.talk) == (0, "")
    assert str(soniq.folder / "soniq.db") in seen.data


def test_a_misspelt_variable_is_told_once_and_in_one_line(soniq: Command) -> None:
    """It is named with its cure, on stderr; the data stays data."""
    soniq("setup")
    soniq.settings["SONIQ_CONCURENCY"] = "5"
    answer = soniq("status", "--json")
    assert answer.document["backend"] == "sqlite"
    assert answer.talk.count("\n") == 1
    assert "Did you mean 'SONIQ_CONCURRENCY'?" in answer.talk


# --- what is never shown --------------------------------------------------------------------------


def test_no_command_shows_a_password(soniq: Command, postgres_url: str) -> None:
    """Not where all is well, not in an error, and not in the traceback of one."""
    scheme, _, rest = postgres_url.partition("://")
    login, _, place = rest.rpartition("@")
    user = login.partition(":")[0] or "postgres"
    url = f"{scheme}://{user}:{CANARY}@{place}"
    (soniq.folder / "shop.py").write_text(APP)
    good = [
        ("status", "--json"),
        ("setup",),
        ("demo", "--files", "1"),
        ("worker", "shop:app", "--run-once"),
    ]
    answers = soniq.all([(*words, "--database-url", url) for words in good])
    assert [answer.code for answer in answers] == [0] * len(good)
    assert "***" in answers[0].data
    wrong = [
        f"postgresql://{user}:{CANARY}@127.0.0.1:1/shop",
        f"postgresql://{user}:{CANARY}@127.0.0.1:port/shop",
        f"mysql://{user}:{CANARY}@127.0.0.1/shop",
        f"postgresql://{user}:/{CANARY}@127.0.0.1/shop",
    ]
    bad = soniq.all([("--debug", "status", "--database-url", url) for url in wrong])
    assert [answer.code for answer in bad] == [4, 2, 2, 2]
    for answer in (*answers, *bad):
        assert CANARY not in answer.data + answer.talk


# --- changing -------------------------------------------------------------------------------------


async def test_nothing_is_destroyed_unasked(soniq: Command, file_ids: Ids) -> None:
    """In a pipe without ``--yes``: exit code 2; with ``--dry-run``: words; nothing is changed."""
    before = standing(soniq)
    lines = [
        ("jobs", "cancel", file_ids.queued),
        ("dead-letter", "cleanup", "--older-than", "0"),
        ("dead-letter", "replay", "--all"),
    ]
    for answer in soniq.all(lines):
        assert (answer.code, answer.data) == (2, "")
        assert "--yes" in answer.talk
    for answer in soniq.all([(*words, "--dry-run") for words in lines]):
        assert (answer.code, answer.data) == (0, "")
        assert "Would" in answer.talk
    assert standing(soniq) == before


def standing(soniq: Command) -> object:
    """Return how the queues stand; rates and the figures of the last hour change by the second."""
    queues = soniq("status", "--json").document["queues"]
    passing = dict.fromkeys(("in_rate", "out_rate", "last_hour"))
    return {queue: {**one, **passing} for queue, one in queues.items()}


def test_setup_twenty_times_at_once(soniq: Command, fresh_postgres_url: str) -> None:
    """Twenty processes where the database is missing: all succeed, and one of them did the work."""
    soniq.settings["SONIQ_DATABASE_URL"] = fresh_postgres_url
    answers = soniq.all([("setup",)] * 20, at_once=20)
    assert [(answer.code, answer.talk) for answer in answers if answer.code] == []
    assert sum("Applied 0001" in answer.talk for answer in answers) == 1


# --- worker ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0\n", "ZeroDivisionError"),
        ("import not_installed\n", "ModuleNotFoundError"),
        ("def (:\n", "SyntaxError"),
    ],
)
def test_a_module_that_raises_shows_where(soniq: Command, source: str, error: str) -> None:
    """The traceback begins in the user's own module; exit code 1."""
    (soniq.folder / "shop.py").write_text(source)
    answer = soniq("worker", "shop:app")
    assert (answer.code, answer.data) == (1, "")
    assert f'File "{soniq.folder}/shop.py", line 1' in answer.talk
    assert error in answer.talk
    assert answer.talk.count("  File ") == 1
    assert answer.talk.count("Error: ") <= 3
