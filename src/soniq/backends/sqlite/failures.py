"""Errors of SQLite in the words of Soniq: what happened, why, and the cure."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from soniq.errors import DatabaseError, DatabaseUnreachable, SchemaNotReady

PRIMARY = 0xFF  # SQLite's extended codes carry the primary one in their low byte.

CURES = {
    sqlite3.SQLITE_NOTADB: "it is no SQLite database; give another path in database_url",
    sqlite3.SQLITE_CANTOPEN: "it can't be opened; check that its directory is there and writable",
    sqlite3.SQLITE_READONLY: "it is read-only; let this user write file and directory",
    sqlite3.SQLITE_PERM: "access was denied; let this user write file and directory",
    sqlite3.SQLITE_FULL: "the disk is full; free some space, nothing was written",
    sqlite3.SQLITE_IOERR: "the disk failed; check the disk, then the file (PRAGMA integrity_check)",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_BUSY: "another process has locked it for too long; find and end that process",
    sqlite3.SQLITE_LOCKED: "another connection has kept it locked for too long",
}
MISSING_TABLE = "no such table: soniq_"


def code_of(error: BaseException) -> int:
    """Return SQLite's primary result code, or 0 where the error carries none."""
    if not isinstance(error, sqlite3.Error):
        return 0
    # Errors that the sqlite3 module makes up itself have no code.
    return int(getattr(error, "sqlite_errorcode", 0)) & PRIMARY


def is_busy(error: BaseException) -> bool:
    """Tell whether trying again may help: somebody else holds a lock."""
    return code_of(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def translate(error: BaseException, path: Path) -> BaseException:
    """Return the error to raise in place of one from SQLite; any other comes back as it is."""
    cure = CURES.get(code_of(error))
    if cure is not None:
        return chained(DatabaseUnreachable(f"SQLite file {path}: {cure}. ({error})"), error)
    if isinstance(error, sqlite3.Error) and MISSING_TABLE in str(error):
        message = (
            f"SQLite file {path}: Soniq's tables are missing ({error}). They are made when the "
            "file is opened; run `soniq setup` or `await app.setup()`."
        )
        return chained(SchemaNotReady(message), error)
    return error


def chained(error: DatabaseError, cause: BaseException) -> DatabaseError:
    """Return the error with its cause attached, as ``raise … from`` would."""
    error.__cause__ = cause
    return error
