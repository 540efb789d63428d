"""What a session of ours is set to, whether it is ours alone or a pooler's."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.session import SESSION

SETTINGS = """
SELECT name, setting || COALESCE(unit, '') AS value
FROM pg_settings
WHERE name = ANY ($1)
ORDER BY name
"""
# What counts in a transaction that has begun is not the default any more.
IN_FORCE = {
    "default_transaction_isolation": "transaction_isolation",
    "default_transaction_read_only": "transaction_read_only",
}
NAMES = [IN_FORCE.get(name, name) for name in SESSION if name != "application_name"]
# A database with settings of its own is not used again after the test.
HOSTILE = """
DO $$ BEGIN EXECUTE format(
    'ALTER DATABASE %I SET default_transaction_isolation = ''serializable''', current_database()
); EXECUTE format(
    'ALTER DATABASE %I SET default_transaction_read_only = on', current_database()
); EXECUTE format(
    'ALTER DATABASE %I SET synchronous_commit = off', current_database()
); END $$
"""


async def settings(backend: PostgresBackend) -> list[tuple[str, str]]:
    """Return the settings in force where a statement of ours runs."""
    await backend.open()
    records = await backend._db.repeat(lambda connection: connection.fetch(SETTINGS, NAMES))
    await backend.close()
    return [(record["name"], record["value"]) for record in records]


async def test_the_same_in_a_transaction(
    postgres_url: str,
    onlooker: asyncpg.Connection[asyncpg.Record],
    make_postgres: Callable[[str], PostgresBackend],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through a pooler each transaction has the settings of our sessions, whatever the defaults."""
    await onlooker.execute(HOSTILE)
    own = await settings(make_postgres(postgres_url))
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)
    shared = make_postgres(postgres_url)
    assert await settings(shared) == own
    assert shared._db.pooled
    assert ("transaction_isolation", "read committed") in own
    assert ("transaction_read_only", "off") in own
    assert ("synchronous_commit", "on") in own


async def test_a_direct_connection_is_no_pooler(postgres: PostgresBackend) -> None:
    """Where nobody stands between, statements are prepared once and sent alone."""
    assert not postgres._db.pooled
