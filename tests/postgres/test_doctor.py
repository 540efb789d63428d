"""The doctor at a PostgreSQL in real trouble; the cures that it names are tried."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from soniq import Soniq
from soniq.doctor import upkeep

# What a check is red for, by what has happened to the database.
TROUBLE = {
    "table-autovacuum": "ALTER TABLE soniq_jobs SET (autovacuum_enabled = off)",
    "unlogged-table": "ALTER TABLE soniq_audit SET UNLOGGED",
    "missing-index": "DROP INDEX soniq_jobs_claim",
    "invalid-index": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'soniq_jobs_finished'::regclass"
    ),
}


@pytest.fixture
async def patient(postgres_url: str) -> AsyncIterator[Soniq]:
    """An app on a database that this test may maltreat."""
    app = Soniq(database_url=postgres_url)
    yield app
    await app.close()


async def test_trouble_is_seen_and_cured(
    patient: Soniq, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Each check is red for what it is for, and green once its own cure was run."""
    for statement in TROUBLE.values():
        await onlooker.execute(statement)
    cures: list[str] = []
    for finding in await patient.check(TROUBLE):
        assert finding.severity == "error", finding.id
        cures.append(finding.cure)
    for cure in cures:
        for statement in cure.split("; "):
            await onlooker.execute(statement)
    healthy = {finding.id: finding.severity for finding in await patient.check(TROUBLE)}
    assert healthy == dict.fromkeys(TROUBLE, "ok")


async def test_a_held_snapshot_is_seen_and_ended(
    patient: Soniq, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session that holds it is named, and the cure ends it."""
    monkeypatch.setattr(upkeep, "LONG_SNAPSHOT", 0.0)
    holder = await asyncpg.connect(postgres_url, server_settings={"application_name": "report"})
    await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    [finding] = await patient.check(["old-snapshot"])
    assert finding.severity == "warning"
    assert "(report, idle in transaction)" in finding.evidence
    assert str(holder.get_server_pid()) in finding.cure
    await holder.execute("ROLLBACK")
    [finding] = await patient.check(["old-snapshot"])
    assert finding.severity == "ok"
    await holder.close()


async def test_a_missing_schema_is_seen_and_made(fresh_postgres_url: str) -> None:
    """What needs no tables is checked all the same; looking makes nothing."""
    app = Soniq(database_url=fresh_postgres_url)
    for _ in range(2):
        [url, pending, worker] = await app.check(["database-url", "schema-pending", "no-worker"])
        assert (url.severity, pending.severity, worker.severity) == ("ok", "error", "skipped")
    await app.setup()
    [pending] = await app.check(["schema-pending"])
    assert pending.severity == "ok"
    await app.close()
