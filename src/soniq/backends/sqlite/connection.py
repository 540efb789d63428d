"""One connection and a thread for it, so that a whole transaction is one hop.

Writes that arrive before a transaction commits join it (group commit): one wait for the disk serves
them all, and a savepoint around each that joins keeps one that fails from undoing the others.

A brief write is made in the caller's own thread while the disk is quicker than the way to the other
one and back; see ``Quickness``.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from soniq.backends.sqlite import filters
from soniq.backends.sqlite.failures import is_busy, translate
from soniq.backends.sqlite.files import check_place, identity, mounted
from soniq.backends.sqlite.quickness import Quickness
from soniq.backends.sqlite.thread import Call, Inbox, Thread, answer
from soniq.backends.sqlite.transactions import BUSY_TIMEOUT, patiently, savepoint, transaction
from soniq.backends.sqlite.turns import Turns
from soniq.errors import DatabaseError, DatabaseUnreachable, TransactionMisused

GROUP_LIMIT = 100  # writes of one transaction: those that come later must not wait for ever
STATEMENTS_KEPT = 256
CACHE_KIB = 16_000  # the default of 2,000 costs a fifth of the speed at 20,000 jobs
WAL_KEPT = 64 * 1024 * 1024  # bytes of log that stay on disk after a checkpoint

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

# Connections that a fork has copied. To close one here, even by garbage collection, could remove
# the log under the parent's feet.
FORKED: list[sqlite3.Connection] = []


@dataclass(eq=False, slots=True)
class Hold:
    """The write lock of a file, in the hands of the code that finds this in its context."""

    path: Path
    ended: bool = False


class Occupied(Exception):
    """Somebody else uses the connection or has locked the file."""


HOLD: ContextVar[Hold | None] = ContextVar("soniq_sqlite_hold", default=None)


class Database:
    """A handle to one file. May be used by one process, from any of its event loops."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread: Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()  # held by whoever uses the connection
        self._quickness = Quickness()
        self._turns = Turns()
        self._identity: tuple[int, int] | None = None
        self._pid = os.getpid()

    @property
    def is_open(self) -> bool:
        """Tell whether ``open`` has been called and ``close`` has not."""
        return self._thread is not None

    async def open(self) -> None:
        """Open or create the file. Opening twice is harmless.

        Raises:
            DatabaseUnreachable: the file can't be used; the message says why.
        """
        if self._thread is not None:
            self._refuse_fork()
            return
        self._pid = os.getpid()
        self._turn = threading.Lock()  # after a fork the old one may be held by nobody
        self._thread = Thread(self._see_to)
        try:
            await self._ask(Call(self._connect))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Finish what was handed in, close the connection and end the thread."""
        self.forget()
        if self._thread is None:
            return
        thread, closing = self._thread, Call(self._disconnect)
        self._thread = None
        thread.put(closing)
        await closing.future
        thread.stop()  # at once: nothing is left to do in it

    def forget(self) -> None:
        """Let go of what belongs to the process that this one was forked from."""
        if self._thread is not None and os.getpid() != self._pid:
            self._thread = None
            if self._connection is not None:
                FORKED.append(self._connection)

    async def write(self, work: Work[T]) -> T:
        """Return ``work(connection)`` once the transaction that it ran in is durable.

        What it wrote is undone when it raises. A caller that is cancelled stops waiting; its work
        is done all the same once it has begun.
        """
        return await self._ask(Call(lambda: work(self._connected()), writes=True))

    async def write_briefly(self, work: Work[T]) -> T:
        """Do what ``write`` does, with one statement: in this thread where that is quicker.

        Others get a turn first, so that a batch can gather, and a loop of writes stops nobody for
        long.
        """
        await self._turns.give()
        if self._owner().idle and self._quickness.is_quick(time.monotonic()):
            with suppress(Occupied):
                return self._write_here(work)
        return await self.write(work)

    async def read(self, work: Work[T]) -> T:
        """Return ``work(connection)``, run outside of any transaction."""
        return await self._ask(Call(lambda: work(self._connected())))

    def check(self) -> None:
        """Raise DatabaseError where the file can't be used through another connection either."""
        self._owner()
        self._refuse_stranger()

    def _owner(self) -> Thread:
        self._refuse_fork()
        self._refuse_holder()
        if self._thread is None:
            message = f"SQLite file {self.path}: the handle is closed. Open it first."
            raise DatabaseError(message)
        return self._thread

    def _refuse_fork(self) -> None:
        if self._thread is not None and os.getpid() != self._pid:
            message = (
                f"SQLite file {self.path}: this handle was opened by process {self._pid} and has "
                "been copied by fork(). Close the app before forking, or open it in the child."
            )
            raise DatabaseError(message)

    def _refuse_holder(self) -> None:
        """Refuse what would wait for a lock that its own caller holds."""
        hold = HOLD.get()
        if hold is None or hold.ended:
            return
        if hold.path.resolve() == self.path.resolve():
            message = (
                f"SQLite file {self.path}: within ctx.transaction() everything goes through its "
                "connection, since the file has one writer at a time. Enqueue with "
                "connection=conn, and do the rest before or after the block."
            )
            raise TransactionMisused(message)

    async def _ask(self, call: Call[T]) -> T:
        self._owner().put(call)
        return await call.future

    def _write_here(self, work: Work[T]) -> T:
        """Write in the thread of the caller; raise Occupied rather than wait for somebody.

        One statement is a transaction by itself.
        """
        if not self._turn.acquire(blocking=False):
            raise Occupied
        began = time.monotonic()
        try:
            connection = self._connected()
            self._refuse_stranger()
            return work(connection)
        except BaseException as error:
            if is_busy(error):
                raise Occupied from error
            failure = translate(error, self.path)
            if failure is error:
                raise
            raise failure  # noqa: B904 - it has its cause
        finally:
            now = time.monotonic()
            self._quickness.note(now - began, now)
            self._turn.release()

    # --- what follows runs in the thread ---------------------------------------------------------

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            message = f"SQLite file {self.path}: the handle was closed meanwhile. Open it again."
            raise DatabaseError(message)
        return self._connection

    def _connect(self) -> None:
        check_place(self.path, mounted())
        self._connection = connection = sqlite3.connect(
            self.path,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            check_same_thread=False,  # ``_turn`` keeps threads apart
            cached_statements=STATEMENTS_KEPT,
        )
        filters.register(connection)
        (mode,) = patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
        if mode != "wal":
            message = (
                f"SQLite file {self.path}: it can't keep a write-ahead log here (mode {mode!r}). "
                "Give a path on a local disk, or use PostgreSQL."
            )
            raise DatabaseUnreachable(message)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT}")
        self._identity = identity(self.path)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _see_to(self, call: Call[Any], inbox: Inbox) -> None:
        with self._turn:
            answered = self._write(call, inbox) if call.writes else self._read(call)
        answer(answered)

    def _read(self, call: Call[Any]) -> list[Call[Any]]:
        try:
            patiently(call.run)
        except BaseException as error:  # noqa: BLE001 - a call without an answer hangs for ever
            call.error = translate(error, self.path)
        return [call]

    def _write(self, first: Call[Any], inbox: Inbox) -> list[Call[Any]]:
        """Write in one transaction what has arrived before its end; return what that was."""
        group = [first]
        try:
            connection = self._connected()
            self._refuse_stranger()
            with transaction(connection):
                # Alone so far: what fails here undoes the whole transaction and nobody else's work.
                first.run()
                while len(group) < GROUP_LIMIT and (call := inbox.take_write()):
                    group.append(call)
                    self._write_beside(connection, call)
        except BaseException as error:  # noqa: BLE001 - a call without an answer hangs for ever
            failure = translate(error, self.path)
            for call in group:
                call.error = failure
        return group

    def _write_beside(self, connection: sqlite3.Connection, call: Call[Any]) -> None:
        try:
            with savepoint(connection):
                call.run()
        except Exception as error:  # it belongs to whoever asked for this, whatever it is
            if not connection.in_transaction:
                raise
            call.error = translate(error, self.path)

    def _refuse_stranger(self) -> None:
        if identity(self.path) == self._identity:
            return
        message = (
            f"SQLite file {self.path}: it was deleted or replaced while it was open; nothing was "
            "written. Put the file back or start this process anew."
        )
        raise DatabaseUnreachable(message)
