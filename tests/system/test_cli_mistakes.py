"""Mistakes at the command line: what is wrong, why, and the cure; never a traceback or a secret."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from soniq.backends.postgres.target import Target
from soniq.cli.commands import app as cli
from soniq.errors import DatabaseUnreachable

CANARY = "canary-s3cret"
UNKNOWN = "01a21110-0000-7000-8000-000000000000"
AWAY = f"postgresql://ana:{CANARY}@127.0.0.1:1/shop"

# What is typed, the exit code, and what the words name: the thing, or what helps.
INPUT = [
    (f"jobs show {UNKNOWN}", 5, "soniq jobs list"),
    ("jobs show nonsense", 5, "No job nonsense"),
    ("jobs why nonsense", 5, "soniq jobs list"),
    ("jobs cancel nonsense --yes", 5, "soniq jobs list"),
    ("jobs retry nonsense", 5, "soniq jobs list"),
    ("jobs retry nonsense --dry-run", 5, "soniq jobs list"),
    ("jobs retry nonsense --first 5", 2, "--matching"),
    ("jobs cancel", 2, "--matching"),
    ("jobs list --status waiting", 2, "queued, processing"),
    ("jobs list stat:queued", 2, "state:"),
    ("jobs list --after nonsense", 2, "no id"),
    ("jobs list age:>soon", 2, "30s, 5m"),
    ("jobs list --limit 0", 2, "--limit"),
    ("jobs tail colour:red", 2, "task:"),
    (f"dead-letter show {UNKNOWN}", 5, "soniq dead-letter list"),
    ("dead-letter replay nonsense", 5, "soniq dead-letter list"),
    ("dead-letter delete nonsense --yes", 5, "soniq dead-letter list"),
    ("dead-letter replay", 2, "--all"),
    ("dead-letter cleanup", 2, "--older-than"),
    ("dead-letter cleanup --older-than soon", 2, "30s, 5m"),
    ("dead-letter cleanup --older-than=-5", 2, "30s, 5m"),
    ("dead-letter list --after nonsense", 2, "no id"),
    ("queues resume unknown", 1, "soniq queues list"),
    ("queues pause", 2, "QUEUE"),
    ("schedules show unknown", 5, "soniq schedules list"),
    ("schedules preview unknown", 5, "soniq schedules list"),
    ("schedules run unknown", 5, "soniq schedules list"),
    ("schedules remove unknown --yes", 5, "soniq schedules list"),
    ("schedules list --status asleep", 2, "active, paused"),
    ("workers quiet unknown", 5, "soniq workers list"),
    ("workers stop unknown --yes", 5, "soniq workers list"),
    ("doctor --only unknown", 2, "soniq doctor --all"),
    ("top --interval soon", 2, "--interval"),
    ("audit --before nonsense", 2, "soniq audit"),
    ("completion tcsh", 2, "bash"),
    ("config show unknown:app", 2, "unknown"),
    ("config show json:app", 2, "Soniq object"),
    ("jobs lst", 2, "Did you mean 'list'?"),
    ("status --jsno", 2, "--json"),
]
READERS = (
    "status", "status --check", "top --once", "doctor", "jobs list", "jobs tail", "queues list",
    "workers list", "schedules list", "dead-letter groups", "dead-letter export", "audit",
    "migrate-status", "setup", "dashboard",
)  # fmt: skip
# They look at the schema itself, or make it.
UNREADY = {"doctor", "migrate-status", "setup", "dashboard"}


def run(words: str, *more: str) -> Result:
    """Run a command to its end."""
    result = CliRunner().invoke(cli, [*words.split(), *more])
    assert "Traceback" not in result.output
    assert CANARY not in result.output
    return result


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty file with tables."""
    path = str(tmp_path_factory.mktemp("mistakes") / "jobs.db")
    assert run("setup", "--database-url", path).exit_code == 0
    return path


@pytest.mark.parametrize(("words", "code", "told"), INPUT, ids=[words for words, *_ in INPUT])
def test_input(url: str, words: str, code: int, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data that is none, names of nothing, options that are not: one line that helps."""
    monkeypatch.setenv("SONIQ_DATABASE_URL", url)
    result = run(words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
    assert "Error: " in result.stderr or code == 1


@pytest.mark.parametrize("words", READERS)
def test_nobody_answers(words: str) -> None:
    """Every command says which database, why, and what to check; exit code 4."""
    result = run(words, "--database-url", AWAY)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("Error: PostgreSQL at 127.0.0.1:1/shop can't be reached: ")
    assert "SONIQ_DATABASE_URL" in result.stderr


@pytest.mark.parametrize("words", [one for one in READERS if one not in UNREADY])
def test_there_are_no_tables(words: str, tmp_path: Path) -> None:
    """Every command names ``soniq setup``, and makes no file; exit code 1."""
    path = tmp_path / "none.db"
    result = run(words, "--database-url", str(path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "soniq setup" in result.stderr
    assert not path.exists()


def test_a_login_that_is_refused(fresh_postgres_url: str) -> None:
    """It is the login that is wrong, not the server that is away; exit code 4 all the same."""
    scheme, _, rest = fresh_postgres_url.partition("://")
    url = f"{scheme}://nobody-knows:{CANARY}@{rest.rpartition('@')[2]}"
    result = run("jobs list", "--database-url", url)
    assert (result.exit_code, result.stdout) == (4, "")
    assert "refuses the login" in result.stderr
    assert "nobody-knows" in result.stderr


def test_a_password_that_is_wrong() -> None:
    """So it is with this one; the password is not shown."""
    refusal = asyncpg.InvalidPasswordError('password authentication failed for user "ana"')
    refused = pytest.raises(DatabaseUnreachable, match="refuses the login")
    with refused as told, Target.of(AWAY).explained():
        raise refusal
    assert CANARY not in str(told.value)


def test_a_database_that_is_missing(fresh_postgres_url: str) -> None:
    """It has no tables either."""
    result = run("jobs list", "--database-url", fresh_postgres_url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "soniq setup" in result.stderr


def test_the_settings_show_no_password() -> None:
    """Wherever in a URL it stands."""
    for url in (AWAY, f"postgresql://127.0.0.1/shop?user=ana&password={CANARY}"):
        for options in ((), ("--json",), ("--origin",)):
            result = run("config show", *options, "--database-url", url)
            assert result.exit_code == 0
            assert "***" in result.stdout


URLS = [
    (f"mysql://ana:{CANARY}@db/shop", 2, "postgresql://"),
    (f"postgresql://ana:{CANARY}@db:port/shop", 2, "percent-encode"),
    ("/etc/passwd", 2, "sqlite:///"),
    ("sqlite:////etc/passwd", 4, "no SQLite database"),
]


@pytest.mark.parametrize(("url", "code", "told"), URLS)
def test_urls(url: str, code: int, told: str) -> None:
    """What is no database, or none that Soniq knows."""
    result = run("status", "--database-url", url)
    assert (result.exit_code, result.stdout) == (code, "")
    assert told in result.stderr
