"""Write the shop into a database: by COPY into PostgreSQL, in one transaction into SQLite."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any

import asyncpg

from bench.pages.shop import Shop, Values
from soniq import Soniq


def fill(url: str, shop: Shop) -> None:
    """Make the tables, and write all rows.

    Afterwards the database is as its own upkeep would leave it: vacuumed, with fresh statistics.
    """
    asyncio.run(set_up(url))
    if url.startswith("sqlite:///"):
        into_sqlite(url.removeprefix("sqlite:///"), shop)
    else:
        asyncio.run(into_postgres(url, shop))


async def set_up(url: str) -> None:
    """Make the tables."""
    app = Soniq(database_url=url)
    await app.setup()
    await app.close()


async def into_postgres(url: str, shop: Shop) -> None:
    """Write all rows by COPY; a worker's rows are those of one session."""
    connection = await asyncpg.connect(url)
    for table, (columns, rows) in shop.tables().items():
        if table == "soniq_rollups":
            columns = (*columns, "session")  # noqa: PLW2901
            records: Iterator[Values] = ((*row, os.getpid()) for row in rows())
        else:
            records = rows()
        await connection.copy_records_to_table(table, columns=columns, records=records)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


def into_sqlite(path: str, shop: Shop) -> None:
    """Write all rows, times as texts and lists as JSON."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, (columns, rows) in shop.tables().items():
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
            connection.executemany(statement, (tuple(map(as_text, row)) for row in rows()))


def as_text(value: Any) -> Any:
    """Return a value as a SQLite file holds it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return json.dumps(value) if isinstance(value, list) else value
