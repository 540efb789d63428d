"""What is known of a PostgreSQL database is what a session of the user's own would have."""

from __future__ import annotations

import asyncpg

from soniq.backends.postgres import PostgresBackend


async def test_settings_are_those_of_other_sessions(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Soniq's own sessions override some; what is told is what the user's sessions have."""
    found = (await postgres.stats.database()).facts
    (own,) = await onlooker.fetch("SHOW synchronous_commit")
    assert found["synchronous_commit"] == own["synchronous_commit"]
    assert found["statement_timeout"] == 0
    assert isinstance(found["max_connections"], int)
    assert isinstance(found["fsync"], bool)
    assert found["soniq_connections"] >= 1
    assert abs(found["clock_ahead_seconds"]) < 5
    assert found["schema_version"] >= 7
    assert not found["pooler"]


async def test_what_can_not_be_seen_is_left_out(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """One look that is refused, or would have to wait, costs no other."""
    async with onlooker.transaction():
        await onlooker.execute("LOCK TABLE soniq_jobs")
        found = await postgres.stats.database()
    assert found.tables == ()
    assert "lock timeout" in found.facts["hidden"]["tables"]
    assert "unlogged_tables" not in found.facts
    assert found.facts["max_connections"] > 0
