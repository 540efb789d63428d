"""``--json``: what every reading command prints is what its page says, and stays as it is.

``SONIQ_TEST_UPDATE=1`` writes the golden files anew.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from soniq import Soniq
from soniq.backends.worker_contract import Vitals
from soniq.cli import render
from soniq.cli.commands import app as cli
from soniq.clock import SystemClock
from soniq.errors import PermanentFailure
from tests.docs import json_page
from tests.support.postgres import Server
from tests.support.store import OTHER, WORKER, register

GOLDEN = Path(__file__).parent / "golden" / "json"
KNOWN = json_page.objects()

# Each command as it is typed, and the exit codes that it may end with; {names} are ids of jobs.
COMMANDS: dict[str, str] = {
    "status": "status",
    "status --check": "status --check",
    "why": "why {due}",
    "top": "top --once",
    "doctor": "doctor",
    "migrate-status": "migrate-status",
    "config show": "config show",
    "jobs list": "jobs list",
    "jobs show": "jobs show {flaky}",
    "jobs why": "jobs why {due}",
    "queues list": "queues list",
    "workers list": "workers list",
    "schedules list": "schedules list",
    "schedules show": "schedules show math.doubles",
    "schedules preview": "schedules preview math.doubles -n 2",
    "dead-letter list": "dead-letter list",
    "dead-letter show": "dead-letter show {dead}",
    "dead-letter groups": "dead-letter groups",
    "audit": "audit",
}
# They print a document a line and are tested below, or read nothing.
STREAMS = {"jobs tail", "dead-letter export"}
WRITERS = {"demo"}
# They change something, serve or print no data, so that there is nothing to read from them.
ACTING = {
    "completion", "dashboard", "dead-letter cleanup", "dead-letter delete", "dead-letter replay",
    "jobs cancel", "jobs retry", "queues pause", "queues resume", "scheduler", "schedules pause",
    "schedules remove", "schedules resume", "schedules run", "setup", "worker", "workers quiet",
    "workers resume", "workers stop",
}  # fmt: skip
# 3: a check has found problems, which is as good as none here.
CODES = {"doctor": (0, 3), "status --check": (0, 3)}


def doubles(number: int) -> int:
    """Return twice the number."""
    return 2 * number


def fails(number: int) -> None:
    """Fail for good."""
    message = f"number {number}"
    raise PermanentFailure(message)


def flaky(number: int) -> None:
    """Fail for now."""
    message = f"number {number}"
    raise ValueError(message)


class Yesterday(SystemClock):
    """The clock of a day ago: what is scheduled by it has a tick that is due by now."""

    def now(self) -> datetime:
        """Return the moment a day ago."""
        return super().now() - timedelta(days=1)


async def make_due(url: str) -> None:
    """Move all schedules back by a day."""
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE soniq_schedules SET next_at = next_at - interval '1 day'")
    await connection.close()


async def fill(url: str) -> dict[str, str]:
    """Put one of everything into a database, and return the ids of jobs by their names."""
    async with Soniq(database_url=url, clock=Yesterday()) as app:
        app.job(name="math.doubles")(doubles)
        await app.scheduler.add("math.doubles", cron="0 9 * * *", args={"number": 7})
    if url.startswith("postgresql:"):
        await make_due(url)  # PostgreSQL goes by a clock of its own
    async with Soniq(database_url=url) as app:
        app.job(name="math.doubles")(doubles)
        app.job(name="math.fails", queue="risky")(fails)
        app.job(name="math.flaky", retry_delay=600)(flaky)
        made = {
            "done": await app.enqueue("math.doubles", args={"number": 1}),
            "dead": await app.enqueue("math.fails", args={"number": 2}),
            "flaky": await app.enqueue("math.flaky", args={"number": 3}, dedup_key="three"),
        }
        await app.run_worker(run_once=True, with_scheduler=True)
        await app.dead_letter.replay(made["dead"])
        await app.queues.pause("risky", by="cli:ana@host", reason="deploy")
        await app.audit.note("cli:ana@host", "queues.pause", "risky", {"reason": "deploy"})
        await register(app.backend, WORKER, lease=600, queues=("default",))
        vitals = Vitals(running=1, memory_bytes=50_000_000, loop_lag=0.01)
        await app.backend.workers.renew(WORKER, lease=600, vitals=vitals)
        await register(app.backend, OTHER, lease=600, tasks=("math.doubles",))
        await app.backend.workers.ask(OTHER, "quiet")
        await app.enqueue("math.doubles", args={"number": 4})
        await app.backend.jobs.claim(("default",), limit=1, worker=WORKER)
        made["due"] = await app.enqueue("math.doubles", args={"number": 5})
        await app.schedule("math.doubles", 600, args={"number": 6})
        return made


Seeded = tuple[str, dict[str, str]]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def seeded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seeded]:
    """The URL of a database with one of everything, and the ids of jobs in it."""
    if request.param == "sqlite":
        file = str(tmp_path_factory.mktemp("json") / "jobs.db")
        yield file, asyncio.run(fill(file))
        return
    server: Server = request.getfixturevalue("postgres_server")
    name = server.clone()
    yield server.url_of(name), asyncio.run(fill(server.url_of(name)))
    server.drop(name)


def printed(seeded: Seeded, command: str, words: str) -> str:
    """Return what a command prints; nothing may be said beside it."""
    url, ids = seeded
    call = [*words.format(**ids).split(), "--json", "--database-url", url]
    result = CliRunner().invoke(cli, call)
    assert result.exit_code in CODES.get(command, (0,)), result.output
    assert result.stderr == ""
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_document_is_as_described(seeded: Seeded, command: str) -> None:
    """Every field is on the page, in order and of its type; and none has changed unnoticed."""
    document = json.loads(printed(seeded, command, COMMANDS[command]))
    kind = json_page.commands()[f"soniq {command}"]
    assert list(json_page.complaints(document, kind, KNOWN)) == []
    assert document, "an empty list proves nothing"
    hold_against_golden(command, document)


def golden(command: str) -> Path:
    """Return the file that keeps the shape of a command's document."""
    return GOLDEN / f"{command.replace(' --', '-').replace(' ', '-')}.json"


def hold_against_golden(command: str, document: Any) -> None:
    """Compare the shape of a document with the one that is kept, or keep it."""
    file = golden(command)
    if os.environ.get("SONIQ_TEST_UPDATE"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(json_page.shape(document), indent=2) + "\n")
    assert json_page.shape(document) == json.loads(file.read_text())


def test_lines_of_export(seeded: Seeded) -> None:
    """Each is a dead letter."""
    url, _ = seeded
    told = CliRunner().invoke(cli, ["dead-letter", "export", "--database-url", url])
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert lines
    for line in lines:
        assert list(json_page.complaints(line, "DeadLetter", KNOWN)) == []
        hold_against_golden("dead-letter export", line)


async def test_lines_of_tail(sqlite_path: Path) -> None:
    """Each is a change: a run that begins, one that ends."""
    async with Soniq(database_url=str(sqlite_path)) as app:
        app.job(name="math.doubles")(doubles)
        follower = await app.jobs.follower("")
        await follower.look()
        await app.enqueue("math.doubles", args={"number": 1})
        await app.run_worker(run_once=True)
        changes = [json.loads(render.to_json(one)) for one in await follower.look()]
    assert {change["what"] for change in changes} >= {"done"}
    assert list(json_page.complaints(changes, "list of Change", KNOWN)) == []
    hold_against_golden("jobs tail", changes)


def test_every_command_is_on_the_page() -> None:
    """Those that can print JSON, and no others; and each is tried here."""
    described = {name.removeprefix("soniq ") for name in json_page.commands()}
    assert described == set(COMMANDS) | STREAMS
    every = dict(leaves(typer.main.get_command(cli)))
    able = {name for name, options in every.items() if options & {"--json", "--jsonl"}}
    assert set(every) == able | ACTING | STREAMS
    assert not able & ACTING
    named = {name.removesuffix(" --check") for name in described}
    assert able - WRITERS == named - {"dead-letter export"}


def test_no_golden_file_is_left_over() -> None:
    """Each belongs to a command, and each command has its own."""
    kept = {file.stem for file in GOLDEN.glob("*.json")}
    assert kept == {golden(command).stem for command in {*COMMANDS, *STREAMS}}


def leaves(command: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Yield every command with its options."""
    children: dict[str, Any] = getattr(command, "commands", {})
    if not children:
        yield " ".join(place), {name for one in command.params for name in one.opts}
    for name, child in children.items():
        yield from leaves(child, (*place, name))


@pytest.mark.parametrize(
    ("value", "kind", "complaint"),
    [
        ({"queue": "a"}, "UnservedQueue", "has the fields"),
        ({"queue": 1, "due_for": 1.0}, "UnservedQueue", "$.queue: 1 is no text"),
        ([{"queue": "a", "due_for": None}], "list of UnservedQueue", "$[0].due_for"),
        ("soon", "time or null", "no time"),
        (True, "integer", "no integer"),
    ],
)
def test_the_page_can_be_contradicted(value: Any, kind: str, complaint: str) -> None:
    """A field too few, one of another type: it is found, and where."""
    [found] = json_page.complaints(value, kind, KNOWN)
    assert complaint in found
