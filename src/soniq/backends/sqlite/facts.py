"""What is known of a SQLite file itself: its settings, size and place, and whether it is sound."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from soniq.backends import migrations
from soniq.backends.operator_contract import DatabaseFacts, TableFacts
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.files import NETWORK_FILESYSTEMS, filesystem, mounted
from soniq.backends.sqlite.queries import FOLDER, sql

# Numbers and words of the connection that all statements go through.
PRAGMAS = ("journal_mode", "synchronous", "page_size", "page_count", "freelist_count")
SYNCHRONOUS = ("off", "normal", "full", "extra")
# How long the pages may be looked at. What takes longer is left out.
PATIENCE = 2.0
STEPS = 10_000


async def facts(database: Database, now: datetime) -> DatabaseFacts:
    """Return the facts; ``hidden`` says of what could not be found out why not."""
    found = await database.read(settings_of)
    found |= place_of(database.path)
    hidden: dict[str, str] = {}
    tables: list[TableFacts] = []
    # Beside all others, on a connection of its own: it may take a while.
    await asyncio.to_thread(look_at_pages, database.path, found, tables, hidden)
    return DatabaseFacts(
        backend="sqlite",
        version=sqlite3.sqlite_version,
        now=now,
        tables=tuple(tables),
        facts={name: found[name] for name in sorted(found)} | {"hidden": hidden},
    )


def settings_of(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return how the file is written, and what is missing in it."""
    found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS}
    found["synchronous"] = SYNCHRONOUS[found["synchronous"]]
    (found["schema_version"],) = connection.execute(sql("database/version")).fetchone()
    steps = [step for step in migrations.scripts(FOLDER) if step.version <= found["schema_version"]]
    present = {name for (name,) in connection.execute(sql("database/indexes"))}
    found["missing_indexes"] = migrations.missing(steps, present)
    return found


def place_of(path: Path) -> dict[str, Any]:
    """Return what the system says of a file: bytes, rights, and the disk that it is on."""
    file, folder = path.stat(), path.resolve().parent
    kind = filesystem(path.resolve(), mounted())
    return {
        "path": str(path),
        "file_bytes": file.st_size,
        "wal_bytes": bytes_of(path.with_name(f"{path.name}-wal")),
        "disk_free_bytes": shutil.disk_usage(folder).free,
        "file_mode": f"{stat.S_IMODE(file.st_mode):04o}",
        "file_owner": file.st_uid,
        "process_owner": os.geteuid(),
        "writable_by_all": bool(file.st_mode & stat.S_IWOTH),
        "filesystem": kind or "unknown",
        "on_network": kind in NETWORK_FILESYSTEMS,
    }


def bytes_of(path: Path) -> int:
    """Return the size of a file, 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def look_at_pages(
    path: Path, found: dict[str, Any], tables: list[TableFacts], hidden: dict[str, str]
) -> None:
    """Add what only a look at every page can tell, as far as there is time for it."""
    deadline = time.monotonic() + PATIENCE
    # Nothing is written; but on a connection that may not write SQLite overlooks broken rules.
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS)
        try:
            (found["quick_check"],) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            hidden["quick_check"] = reason(error)
        try:
            tables += (
                TableFacts(name, size, index_size, rows, dead_rows=0)
                for name, size, index_size, rows in connection.execute(sql("database/sizes"))
            )
        except sqlite3.Error as error:
            hidden["tables"] = reason(error)


def reason(error: sqlite3.Error) -> str:
    """Return why a look at the pages has come to nothing."""
    if "interrupted" in str(error):
        return f"it was not finished within {PATIENCE:g} s"
    return str(error)
