"""The doctor at a SQLite file in real trouble."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from soniq import Soniq
from soniq.backends.sqlite import SqliteBackend, facts
from soniq.doctor import file
from soniq.doctor.finding import Finding


@pytest.fixture
async def patient(sqlite_path: Path) -> AsyncIterator[Soniq]:
    """An app on a file that this test may maltreat."""
    app = Soniq(database_url=str(sqlite_path))
    yield app
    await app.close()


async def seen(app: Soniq, check_id: str) -> Finding:
    """Return what one check says."""
    [finding] = await app.check([check_id])
    return finding


async def told(app: Soniq, statement: str) -> None:
    """Run a statement on the app's own connection, on which nobody else is."""
    assert isinstance(app.backend, SqliteBackend)
    await app.backend._database.read(lambda connection: connection.execute(statement).fetchall())


async def test_a_missing_file_is_not_made_by_looking(patient: Soniq, sqlite_path: Path) -> None:
    """Its schema is pending until somebody sets it up."""
    assert (await seen(patient, "schema-pending")).severity == "error"
    assert not sqlite_path.exists()
    await patient.setup()
    assert (await seen(patient, "schema-pending")).severity == "ok"


@pytest.mark.parametrize(
    ("check_id", "trouble"),
    [
        ("journal-mode", "PRAGMA journal_mode = DELETE"),
        ("synchronous", "PRAGMA synchronous = OFF"),
        ("missing-index", "DROP INDEX soniq_jobs_claim"),
    ],
)
async def test_trouble_is_seen_and_cured(patient: Soniq, check_id: str, trouble: str) -> None:
    """Each check is red for what it is for, and green once its own cure was run."""
    await patient.setup()
    assert (await seen(patient, check_id)).severity == "ok"
    await told(patient, trouble)
    finding = await seen(patient, check_id)
    assert finding.severity == "error"
    await told(patient, finding.cure)
    assert (await seen(patient, check_id)).severity == "ok"


async def test_a_long_log_is_seen(
    patient: Soniq, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader keeps the log from being written back; once it has ended, the cure shortens it."""
    await patient.setup()
    monkeypatch.setattr(file, "LONG_LOG", 0)
    with closing(sqlite3.connect(sqlite_path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM soniq_jobs").fetchall()
        await patient.queues.pause("mail", by="ana")
        finding = await seen(patient, "wal-size")
    assert finding.severity == "warning"
    await told(patient, finding.cure.partition(": ")[2])
    assert (await seen(patient, "wal-size")).severity == "ok"


async def test_damage_is_seen(patient: Soniq, sqlite_path: Path) -> None:
    """A row that breaks the rules of its table shows, though nobody can read it."""
    await patient.setup()
    with closing(sqlite3.connect(sqlite_path)) as vandal, vandal:
        vandal.execute("PRAGMA ignore_check_constraints = ON")
        vandal.execute(
            "INSERT INTO soniq_workers (id, hostname, pid, concurrency, tasks, started_at, "
            "renewed_at, expires_at, wish) VALUES ('x', 'h', 1, 1, '[]', 'a', 'b', 'c', 'sing')"
        )
    finding = await seen(patient, "quick-check")
    assert finding.severity == "error"
    assert "soniq_workers" in finding.evidence
    finding = await seen(patient, "no-worker")
    assert (finding.severity, "could not be read" in finding.evidence) == ("skipped", True)


async def test_what_takes_too_long_is_left_out(
    patient: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at every page of a large file ends in time, and says so."""
    await patient.setup()
    monkeypatch.setattr(facts, "PATIENCE", -1.0)
    monkeypatch.setattr(facts, "STEPS", 1)
    finding = await seen(patient, "quick-check")
    assert finding.severity == "skipped"
    assert "not finished" in finding.evidence
    assert (await patient.stats.database()).tables == ()


async def test_place_and_rights(
    patient: Soniq, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that all may write; one that has moved to a network file system."""
    await patient.setup()
    sqlite_path.chmod(0o666)
    assert (await seen(patient, "file-rights")).severity == "error"
    sqlite_path.chmod(0o640)
    assert (await seen(patient, "file-rights")).severity == "ok"
    monkeypatch.setattr(facts, "mounted", lambda: "srv:/x / nfs4 rw 0 0\n")
    assert (await seen(patient, "network-filesystem")).severity == "error"
