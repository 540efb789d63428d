"""A table of the user's own beside the jobs, seen from outside of every transaction."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import asyncpg

# What handlers under test do on the connection that they are given.
EFFECT = "INSERT INTO effects (n) VALUES (1)"


@dataclass(frozen=True)
class Effects:
    """Looks at the database of this URL, and makes the table."""

    url: str

    async def make(self) -> None:
        """Make the table."""
        await self.run("CREATE TABLE effects (n int)")

    async def count(self) -> int:
        """Return how many effects are committed."""
        [[number]] = await self.run("SELECT count(*) FROM effects")
        return int(number)

    async def seen(self, job_id: str) -> tuple[int, str]:
        """Return how many effects are committed, and how the job stands."""
        records = await self.run("SELECT CAST(id AS text), status FROM soniq_jobs")
        return await self.count(), dict(map(tuple, records))[job_id]

    async def run(self, statement: str) -> list[Any]:
        """Run a statement, commit it, and return its records."""
        if self.url.startswith("sqlite:///"):
            return await asyncio.to_thread(self._run_in_file, statement)
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetch(statement)
        finally:
            await connection.close()

    def _run_in_file(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
            records = connection.execute(statement).fetchall()
            connection.commit()
            return records
