"""Begin, commit and undo, on a connection of our own: a whole transaction is one call."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from soniq.backends.sqlite.failures import is_busy

# Seconds that SQLite itself waits for a lock. It would look ever more seldom, up to ten times a
# second, while those who write batch after batch leave the lock free for a millisecond.
BUSY_TIMEOUT = 0.001
PATIENCE = 30.0  # seconds after which a lock is reported as an error
LONGEST_PAUSE = 0.001

T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """Return what ``call`` returns; while the file is locked, repeat it, for up to 30 seconds."""
    # Real time, not the app's clock: a lock is held in real time also while a test's clock stands.
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
            time.sleep(random.uniform(0, LONGEST_PAUSE))  # noqa: S311 - jitter, not a secret


@contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Hold the write lock for the block; commit at its end, undo everything when it raises."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk and the like have undone the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Generator[None]:
    """Within a transaction: undo only this block when it raises."""
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise
    connection.execute("RELEASE part")
