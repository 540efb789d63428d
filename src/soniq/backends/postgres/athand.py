"""Connections at hand: what was just used serves the next statement without a walk to the pool."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from soniq.backends.postgres.session import Lent

CONNECT_TIMEOUT = 10.0
# Bounds the wait for cancelled statements, also where nobody answers.
RELEASE_TIMEOUT = 5.0
# Taking a connection from the driver's pool and giving it back costs more than a small statement.
# After this long at most the pool has it again, and looks after its age and its idleness.
KEEP_SECONDS = 1.0


class AtHand:
    """A pool of the driver, and those of its connections that are between two statements."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._kept: list[Lent] = []
        self._queueing = 0
        self._timer: asyncio.TimerHandle | None = None
        self._returns: set[asyncio.Task[None]] = set()

    @property
    def size(self) -> int:
        """How many connections there are."""
        return self._pool.get_size()

    @property
    def in_use(self) -> int:
        """How many connections have been taken and not put back."""
        return self._pool.get_size() - self._pool.get_idle_size() - len(self._kept)

    def take_kept(self) -> Lent | None:
        """Return the connection that was used last, if it is kept and still open."""
        if self._kept and is_open(self._kept[-1]):
            return self._kept.pop()
        return None

    async def take(self) -> Lent:
        """Return a connection; wait for one where all are in use."""
        while self._kept:
            connection = self._kept.pop()
            if is_open(connection):
                return connection
            await self._pool.release(connection)
        self._queueing += 1
        try:
            return await self._pool.acquire(timeout=CONNECT_TIMEOUT)
        finally:
            self._queueing -= 1

    def keep(self, connection: Lent) -> bool:
        """Keep a connection for the next one, if nobody waits for it."""
        if self._queueing:
            return False
        self._kept.append(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._tidy)
        return True

    async def put_back(self, connection: Lent) -> None:
        """Give a connection back to the pool, which mends what is wrong with it."""
        await self._pool.release(connection, timeout=RELEASE_TIMEOUT)

    async def expire(self) -> None:
        """Let no connection be used again that is there now."""
        kept, self._kept = self._kept, []
        for connection in kept:
            if is_open(connection):
                connection.terminate()
        await self._pool.expire_connections()

    async def close(self) -> None:
        """Close all connections, once those in use have been put back."""
        if self._timer is not None:
            self._timer.cancel()
        # From here on everything goes to the pool, which waits for it.
        self._queueing += 1
        await self._return()
        await self._pool.close()

    def terminate(self) -> None:
        """Close all connections at once."""
        self._pool.terminate()

    def _tidy(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._return())
        self._returns.add(task)
        task.add_done_callback(self._returns.discard)

    async def _return(self) -> None:
        while self._kept:
            await self._pool.release(self._kept.pop(), timeout=RELEASE_TIMEOUT)


def is_open(connection: Lent) -> bool:
    """Tell whether a kept connection is open; the pool takes back what it knows to be lost."""
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False
