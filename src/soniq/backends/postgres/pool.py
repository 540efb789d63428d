"""Connections: a small pool for Soniq's own statements, and one to lend to the user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg

from soniq.backends import sqltext
from soniq.backends.contract import Lifeline
from soniq.backends.postgres.rows import lock_key
from soniq.backends.postgres.target import LOST, Target, is_passing
from soniq.errors import DatabaseError

# The driver's classes are generic for the type checker only.
if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Lent = PoolConnectionProxy[asyncpg.Record]
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection

Answer = TypeVar("Answer")
FOLDER = Path(__file__).parent
CONNECT_TIMEOUT = 10.0
CLOSE_TIMEOUT = 5.0
IDLE_SECONDS = 300.0
# Longer than statement_timeout: it strikes only where the server no longer answers at all.
ANSWER_TIMEOUT = 18.0

# Every statement of ours is meant to be a walk along an index. Statistics of a queue are often
# minutes old, and a plan that was made for an empty table must not meet a million rows.
SESSION = {
    "application_name": "soniq",
    # Well within a lease: a heartbeat on a dead connection must leave time for another.
    "statement_timeout": "15s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    # "enqueued" means durable, whatever the database's default is.
    "synchronous_commit": "on",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "plan_cache_mode": "force_generic_plan",
}


class QuietConnection(Base):
    """A connection that is given back without a round trip: ours never change session state."""

    def get_reset_query(self) -> str:
        """Return nothing to run."""
        return ""


class Database:
    """Runs Soniq's statements, named by their files, each on whichever connection is free.

    Raises, from every method that runs a statement:
        DatabaseUnreachable: no connection could be had, or it was lost.
        SchemaNotReady: the tables are not there.
    """

    def __init__(
        self,
        target: Target,
        *,
        size: int,
        lend_min: int,
        lend_max: int,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.target = target
        self._lifeline = lifeline
        # Set while the connection holds the lock of the lifeline's worker.
        self.lock_key: int | None = None
        self._size = size
        self._lend_min = min(lend_min, lend_max)
        self._lend_max = lend_max
        self._own: asyncpg.Pool[asyncpg.Record] | None = None
        self._lent: asyncpg.Pool[asyncpg.Record] | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect; harmless when it is open already."""
        async with self._lock:
            if self._own is None:
                with self.target.explained():
                    self._own = await asyncpg.create_pool(
                        self.target.url,
                        min_size=1,
                        max_size=self._size,
                        connection_class=QuietConnection,
                        init=self._lock_lifeline,
                        max_inactive_connection_lifetime=0 if self._lifeline else IDLE_SECONDS,
                        server_settings=SESSION,
                        timeout=CONNECT_TIMEOUT,
                        command_timeout=ANSWER_TIMEOUT,
                    )

    async def close(self) -> None:
        """Give back all connections; those that are still in use after 5 s are cut off."""
        pools = [pool for pool in (self._own, self._lent) if pool is not None]
        self._own = self._lent = None
        for pool in pools:
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    def forget(self) -> None:
        """Drop the pools without a word to the server; it notices that nobody is there."""
        self._own = self._lent = None
        self._lock = asyncio.Lock()

    async def fetch(self, verb: str, *args: object) -> list[asyncpg.Record]:
        """Run a statement that may run twice."""
        text = sqltext.read(FOLDER, verb)
        return await self.repeat(lambda connection: connection.fetch(text, *args))

    async def fetch_once(self, verb: str, *args: object) -> list[asyncpg.Record]:
        """Run a statement that must not run twice."""
        text = sqltext.read(FOLDER, verb)
        return await self.repeat(lambda connection: connection.fetch(text, *args), tries=1)

    async def repeat(
        self, action: Callable[[Lent], Awaitable[Answer]], *, tries: int = 2
    ) -> Answer:
        """Run what may run twice; do so if a lost connection or a deadlock has stopped it."""
        with self.target.explained():
            for _ in range(tries - 1):
                try:
                    return await self._run(action)
                except Exception as error:
                    if not is_passing(error):
                        raise
                # Where one connection is dead, so are probably the idle ones (a restarted server).
                await self._pool().expire_connections()
            return await self._run(action)

    @asynccontextmanager
    async def lend(self) -> AsyncGenerator[Lent]:
        """Lend a connection of the user's pool, which is made at the first call."""
        pool = await self._lending_pool()
        with self.target.explained():
            connection = await pool.acquire()
        try:
            yield connection
        finally:
            # What fails here is the connection's end: the pool drops it, and nothing else is lost.
            with suppress(*LOST, asyncpg.InterfaceError):
                await pool.release(connection, timeout=CLOSE_TIMEOUT)

    async def connect(
        self, *, database: str | None = None, **session: str
    ) -> asyncpg.Connection[asyncpg.Record]:
        """Return a connection outside of the pools; raises what the driver raises.

        ``database``: another one than the URL names. ``session``: server settings.
        """
        return await asyncpg.connect(
            self.target.url,
            database=database,
            timeout=CONNECT_TIMEOUT,
            server_settings={"application_name": "soniq", **session},
        )

    async def _run(self, action: Callable[[Lent], Awaitable[Answer]]) -> Answer:
        pool = self._pool()
        connection = await pool.acquire(timeout=CONNECT_TIMEOUT)
        try:
            return await action(connection)
        finally:
            # Limited: the driver waits for its cancelled statements, also where nobody answers.
            await pool.release(connection, timeout=CLOSE_TIMEOUT)

    async def _lock_lifeline(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Take the worker's lock with a new connection, before anything else is said on it."""
        lifeline = self._lifeline
        if lifeline is None:
            return
        key = lock_key(lifeline.worker_id)
        [lock] = await connection.fetch(sqltext.read(FOLDER, "workers/lock"), key)
        direct = lock["pid"] == connection.get_server_pid()
        self.lock_key = key if direct and lock["locked"] else None
        connection.add_termination_listener(lambda _: lifeline.lost())

    def _pool(self) -> asyncpg.Pool[asyncpg.Record]:
        if self._own is None:
            message = "The database is not open: call `await app.ensure_initialized()` first."
            raise DatabaseError(message)
        return self._own

    async def _lending_pool(self) -> asyncpg.Pool[asyncpg.Record]:
        async with self._lock:
            if self._lent is None:
                with self.target.explained():
                    self._lent = await asyncpg.create_pool(
                        self.target.url,
                        min_size=self._lend_min,
                        max_size=self._lend_max,
                        timeout=CONNECT_TIMEOUT,
                    )
            return self._lent
