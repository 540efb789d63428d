"""What is known of a PostgreSQL database itself: settings, sizes, and who is in the way of whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import asyncpg

from soniq.backends import migrations, sqltext
from soniq.backends.operator_contract import DatabaseFacts, TableFacts
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.session import FOLDER
from soniq.clock import Clock

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Rows = Sequence[asyncpg.Record]

SETTINGS = (
    "TimeZone",
    "autovacuum",
    "autovacuum_freeze_max_age",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "fsync",
    "full_page_writes",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "lock_timeout",
    "max_connections",
    "max_prepared_transactions",
    "reserved_connections",
    "server_encoding",
    "server_version_num",
    "shared_buffers",
    "statement_timeout",
    "superuser_reserved_connections",
    "synchronous_commit",
    "synchronous_standby_names",
    "track_counts",
    "transaction_timeout",
    "wal_level",
)


async def facts(db: Database, clock: Clock) -> DatabaseFacts:
    """Return what the role may see; ``hidden`` says of what it may not see why not.

    Settings are those that a session of the user's own would have: Soniq's sessions override some.
    """
    with db.target.explained():
        connection = await db.connect()
        try:
            # One transaction, for a pooler gives a server to no less; each look can fail alone.
            async with connection.transaction(isolation="read_committed", readonly=True):
                return await Looks(connection).whole(db, clock)
        finally:
            await connection.close()


STATE = ("role", "database", "schema", "started_at", "in_recovery")


class Looks:
    """Runs statements of which each may be refused; gathers what was not."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.hidden: dict[str, str] = {}

    async def whole(self, db: Database, clock: Clock) -> DatabaseFacts:
        """Return all facts."""
        found: dict[str, Any] = settings_of(await self.look("settings", list(SETTINGS)))
        await self._connection.execute(sqltext.read(FOLDER, "database/patience"))
        before = clock.now()
        [state] = await self._connection.fetch(sqltext.read(FOLDER, "database/state"))
        after = clock.now()
        found |= {"pooler": db.pooled, **{name: state[name] for name in STATE}}
        if clock.pinned() is None:
            ahead = state["now"] - before - (after - before) / 2
            found["clock_ahead_seconds"] = ahead.total_seconds()
        for verb in ("size", "ages", "connections", "version", "collation"):
            for record in await self.look(verb):
                found |= dict(record)
        tables, indexes = await self.look("tables"), await self.look("indexes")
        if tables:
            found |= flaws(tables, indexes, found.get("schema_version") or 0)
        found |= holders(await self.look("snapshots"), await self.look("slots"))
        found = {name: value for name, value in found.items() if value is not None}
        return DatabaseFacts(
            backend="postgres",
            version=state["version"],
            now=clock.pinned() or state["now"],
            tables=tuple(map(table, tables)),
            facts={name: found[name] for name in sorted(found)} | {"hidden": self.hidden},
        )

    async def look(self, verb: str, *args: object) -> Rows:
        """Return what a statement finds; nothing where the server refuses it."""
        text = sqltext.read(FOLDER, f"database/{verb}")
        try:
            async with self._connection.transaction():
                return await self._connection.fetch(text, *args)
        except asyncpg.PostgresError as error:
            self.hidden[verb] = str(error)
            return ()


def settings_of(records: Rows) -> dict[str, Any]:
    """Return settings by name in lower case: truths and numbers as such, in the server's units."""
    return {record["name"].lower(): value_of(record) for record in records}


def value_of(record: asyncpg.Record) -> Any:
    """Return what a setting is set to."""
    match record["vartype"]:
        case "bool":
            return record["setting"] == "on"
        case "integer":
            return int(record["setting"])
        case _:
            return record["setting"]


def table(record: asyncpg.Record) -> TableFacts:
    """Return what is known of one table."""
    return TableFacts(
        name=record["name"],
        bytes=record["bytes"],
        index_bytes=record["index_bytes"],
        rows=record["rows"],
        dead_rows=record["dead_rows"],
        vacuumed_at=record["vacuumed_at"],
        analyzed_at=record["analyzed_at"],
    )


def flaws(tables: Rows, indexes: Rows, version: int) -> dict[str, Any]:
    """Return which tables and indexes are not as the steps up to a version have left them."""
    steps = [step for step in migrations.scripts(FOLDER) if step.version <= version]
    present = {record["name"] for record in indexes}
    return {
        "unlogged_tables": [one["name"] for one in tables if one["unlogged"]],
        "unattended_tables": [one["name"] for one in tables if one["unattended"]],
        "invalid_indexes": [one["name"] for one in indexes if not one["valid"]],
        "missing_indexes": migrations.missing(steps, present),
    }


def holders(snapshots: Rows, slots: Rows) -> dict[str, Any]:
    """Return who keeps dead rows from being removed, or log on disk."""
    return {
        "snapshots": [dict(record) for record in snapshots],
        "slots": [dict(record) for record in slots],
        # Of those whose beginning may be seen.
        "oldest_snapshot_seconds": max((one["seconds"] or 0.0 for one in snapshots), default=0.0),
    }
