"""Bring the tables of a file up to date. Many may try at once: one does it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from soniq import crashpoints
from soniq.backends.contract import Migration
from soniq.backends.migrations import pending, report, scripts
from soniq.backends.sqlite.queries import FOLDER, sql
from soniq.backends.sqlite.rows import moment, text
from soniq.backends.sqlite.transactions import transaction


def migrate(connection: sqlite3.Connection, now: datetime) -> list[Migration]:
    """Apply what is pending, all or nothing, and return it."""
    known = scripts(FOLDER)
    # A look without the lock: nearly always there is nothing to do.
    if not pending(known, applied(connection)):
        return []
    with transaction(connection):
        connection.execute(sql("schema/versions_table"))
        missing = pending(known, applied(connection))
        for script in missing:
            for statement in statements(script.sql):
                connection.execute(statement)
                if crashpoints.ARMED:
                    crashpoints.passed("migrate.between")
            connection.execute(
                sql("schema/record"),
                (script.version, script.name, script.checksum, text(now)),
            )
    return [script.applied(now) for script in missing]


def migrations(connection: sqlite3.Connection) -> list[Migration]:
    """Return every step with the time when it was applied."""
    return report(scripts(FOLDER), applied(connection))


def applied(connection: sqlite3.Connection) -> dict[int, datetime]:
    """Return the versions that the file has, with their times."""
    if not connection.execute(sql("schema/exists")).fetchone()[0]:
        return {}
    rows = connection.execute(sql("schema/applied"))
    return {version: moment(at) for version, at in rows}


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one by one.

    ``executescript`` would commit the open transaction first.
    """
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        if sqlite3.complete_statement(statement := "\n".join(lines)):
            yield statement
            lines.clear()
