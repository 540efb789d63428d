"""Connections: a small pool for Soniq's own statements, and one to lend to the user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from soniq.backends import sqltext
from soniq.backends.postgres.athand import CONNECT_TIMEOUT, AtHand
from soniq.backends.postgres.rows import lock_key
from soniq.backends.postgres.session import (
    FOLDER,
    SESSION,
    PoolerMet,
    QuietConnection,
    is_poolers,
    refuse_pooler,
    undisguised,
    with_settings,
)
from soniq.backends.postgres.target import LOST, Target, is_passing
from soniq.backends.worker_contract import Lifeline
from soniq.errors import DatabaseError

if TYPE_CHECKING:
    from soniq.backends.postgres.session import Lent

Answer = TypeVar("Answer")
CLOSE_TIMEOUT = 5.0
IDLE_SECONDS = 300.0
# Longer than statement_timeout: it strikes only where the server no longer answers at all.
ANSWER_TIMEOUT = 18.0
# Through a pooler a session is not ours: no statements with names, nothing to reset at the end.
SHARED: dict[str, Any] = {"statement_cache_size": 0, "connection_class": QuietConnection}


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
        rollups: bool = True,
        lifeline: Lifeline | None = None,
    ) -> None:
        self.target = target
        # Whether statements that end attempts also count them.
        self.rollups = rollups
        # A pooler stands before the database, so no session is ours alone. Known once it is open.
        self.pooled = False
        self._lifeline = lifeline
        # Set while the connection holds the lock of the lifeline's worker.
        self.lock_key: int | None = None
        self._size = size
        self._lend_min = min(lend_min, lend_max)
        self._lend_max = lend_max
        self._own: AtHand | None = None
        self._lent: asyncpg.Pool[asyncpg.Record] | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Connect; harmless when it is open already."""
        async with self._lock:
            if self._own is None:
                with self.target.explained():
                    self._own = AtHand(await self._connect_own())

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

    def fetch(self, verb: str, *args: object) -> Coroutine[Any, Any, list[asyncpg.Record]]:
        """Run a statement that may run twice; await the answer."""
        text = sqltext.read(FOLDER, verb)
        return self.repeat(lambda connection: connection.fetch(text, *args))

    def fetch_once(self, verb: str, *args: object) -> Coroutine[Any, Any, list[asyncpg.Record]]:
        """Run a statement that must not run twice; await the answer."""
        text = sqltext.read(FOLDER, verb)
        return self.repeat(lambda connection: connection.fetch(text, *args), tries=1)

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
                await self._pool().expire()
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
            # What the user has committed is done; a connection that is lost now is only replaced.
            with suppress(*LOST, asyncpg.InterfaceError):
                await pool.release(connection, timeout=CLOSE_TIMEOUT)

    async def connect(
        self, *, database: str | None = None, **session: str
    ) -> asyncpg.Connection[asyncpg.Record]:
        """Return a connection outside of the pools; raises what the driver raises.

        ``database``: another one than the URL names. ``session``: server settings, which a
        pooler makes us do without.
        """
        settings = {"application_name": "soniq", **session}
        try:
            return await self._connect(database, settings)
        except asyncpg.ProtocolViolationError as error:
            if not is_poolers(error):
                raise
        return await self._connect(database, {})

    async def _connect(
        self, database: str | None, settings: dict[str, str]
    ) -> asyncpg.Connection[asyncpg.Record]:
        with undisguised():
            return await asyncpg.connect(
                self.target.url,
                database=database,
                timeout=CONNECT_TIMEOUT,
                statement_cache_size=0,
                server_settings=settings,
            )

    async def _connect_own(self) -> asyncpg.Pool[asyncpg.Record]:
        """Return a pool for our statements, having found out whether there is a pooler."""
        self.pooled = False
        try:
            return await self._make_own(init=self._greet, server_settings=SESSION)
        except (asyncpg.ProtocolViolationError, PoolerMet) as error:
            if not is_poolers(error):
                raise
        self.pooled, self.lock_key = True, None
        return await self._make_own(statement_cache_size=0)

    async def _make_own(self, **options: Any) -> asyncpg.Pool[asyncpg.Record]:
        with undisguised():
            return await asyncpg.create_pool(
                self.target.url,
                min_size=1,
                max_size=self._size,
                connection_class=QuietConnection,
                max_inactive_connection_lifetime=0 if self._lifeline else IDLE_SECONDS,
                timeout=CONNECT_TIMEOUT,
                command_timeout=ANSWER_TIMEOUT,
                **options,
            )

    async def _run(self, action: Callable[[Lent], Awaitable[Answer]]) -> Answer:
        pool = self._pool()
        connection = pool.take_kept() or await pool.take()
        is_sound = False
        try:
            if self.pooled:
                answer = await with_settings(connection, action)
            else:
                answer = await action(connection)
            is_sound = True
        except TimeoutError:
            # Nobody answers: neither would a request to cancel be heard, nor the idle connections.
            connection.terminate()
            await pool.expire()
            raise
        finally:
            if not (is_sound and pool.keep(connection)):
                await pool.put_back(connection)
        return answer

    async def _greet(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Look at a new connection, before anything else is said on it."""
        if self._own is None:  # the first one: the others are made alike
            await refuse_pooler(connection)
        if self._lifeline is not None:
            await self._lock_lifeline(connection, self._lifeline)

    async def _lock_lifeline(
        self, connection: asyncpg.Connection[asyncpg.Record], lifeline: Lifeline
    ) -> None:
        """Take the worker's lock with a new connection."""
        key = lock_key(lifeline.worker_id)
        [lock] = await connection.fetch(sqltext.read(FOLDER, "workers/lock"), key)
        direct = lock["pid"] == connection.get_server_pid()
        self.lock_key = key if direct and lock["locked"] else None
        connection.add_termination_listener(lambda _: lifeline.lost())

    def _pool(self) -> AtHand:
        if self._own is None:
            message = "The database is not open: call `await app.ensure_initialized()` first."
            raise DatabaseError(message)
        return self._own

    async def _lending_pool(self) -> asyncpg.Pool[asyncpg.Record]:
        await self.open()  # finds out whether there is a pooler
        async with self._lock:
            if self._lent is None:
                options = SHARED if self.pooled else {}
                with self.target.explained():
                    self._lent = await asyncpg.create_pool(
                        self.target.url,
                        min_size=self._lend_min,
                        max_size=self._lend_max,
                        timeout=CONNECT_TIMEOUT,
                        **options,
                    )
            return self._lent
