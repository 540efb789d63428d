"""Create the database and bring its schema up to date, whoever else does so at the same time."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from soniq import crashpoints
from soniq.backends import migrations, sqltext
from soniq.backends.contract import Migration
from soniq.backends.postgres.pool import Database
from soniq.backends.postgres.session import FOLDER
from soniq.clock import Clock

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

# Any constant will do; this is "soniq" in ASCII.
LOCK = 0x736F6E6971
# CREATE DATABASE can't be part of a transaction, so only the session can say so.
IN_ITS_OWN_TIME = {"statement_timeout": "0", "default_transaction_read_only": "off"}
# A pooler may not ask the server again for 15 s.
TRIES = 100
LONGEST_PAUSE = 0.5

# Others create the same database, or look into the template, at this very moment.
RACING = (
    asyncpg.DuplicateDatabaseError,
    asyncpg.UniqueViolationError,
    asyncpg.ObjectInUseError,
    asyncpg.InternalServerError,  # "tuple concurrently updated"
)


async def setup(db: Database, clock: Clock) -> list[Migration]:
    """Apply what is pending, each step in its own transaction; return what was applied here."""
    with db.target.explained():
        connection = await connect_or_create(db, clock)
        try:
            return await apply_pending(connection)
        finally:
            await connection.close()


async def status(db: Database) -> list[Migration]:
    """Return every step and when it was applied; all are pending where there is no database."""
    known = migrations.scripts(FOLDER)
    with db.target.explained():
        try:
            connection = await db.connect()
        except asyncpg.InvalidCatalogNameError:
            return migrations.report(known, {})
        try:
            async with connection.transaction(isolation="read_committed"):
                return migrations.report(known, await applied(connection))
        except asyncpg.UndefinedTableError:
            return migrations.report(known, {})
        finally:
            await connection.close()


async def connect_or_create(db: Database, clock: Clock) -> Connection:
    """Return a connection to the database, which is created if it is missing."""
    for remaining in reversed(range(TRIES)):
        try:
            return await db.connect()
        except asyncpg.InvalidCatalogNameError:
            if not remaining:
                raise
        try:
            await create_database(db)
        except RACING:
            await asyncio.sleep(LONGEST_PAUSE * clock.random())
    raise AssertionError  # unreachable: the last try returns or raises


async def create_database(db: Database) -> None:
    """Create the database from a connection to one that every server has."""
    try:
        connection = await db.connect(database="postgres", **IN_ITS_OWN_TIME)
    except asyncpg.InvalidCatalogNameError:
        connection = await db.connect(database="template1", **IN_ITS_OWN_TIME)
    try:
        text = sqltext.read(FOLDER, "schema/create_database")
        async with connection.transaction():
            statement: str = await connection.fetchval(text, db.target.database)
        await connection.execute(statement)
    finally:
        await connection.close()


async def apply_pending(connection: Connection) -> list[Migration]:
    """Apply step after step until none is pending."""
    done: list[Migration] = []
    while (step := await apply_next(connection)) is not None:
        done.append(step)
    return done


async def apply_next(connection: Connection) -> Migration | None:
    """Apply the first pending step, or return None."""
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(sqltext.read(FOLDER, "schema/settings"))
        # Before anything is created or read: IF NOT EXISTS alone does not survive a race.
        await connection.execute(sqltext.read(FOLDER, "schema/lock"), LOCK)
        await connection.execute(sqltext.read(FOLDER, "schema/versions_table"))
        pending = migrations.pending(migrations.scripts(FOLDER), await applied(connection))
        if not pending:
            return None
        script = pending[0]
        await connection.execute(script.sql)
        if crashpoints.ARMED:
            crashpoints.passed("migrate.between")
        at: datetime = await connection.fetchval(
            sqltext.read(FOLDER, "schema/record"), script.version, script.name, script.checksum
        )
        return script.applied(at)


async def applied(connection: Connection) -> dict[int, datetime]:
    """Return the versions that the database has, with their times."""
    records = await connection.fetch(sqltext.read(FOLDER, "schema/applied"))
    return {record["version"]: record["applied_at"] for record in records}
