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

    async def take(self) -> Lent:
        """Return a connection; wait for one where all are in use."""
        while self._kept:
            connection = self._kept.pop()
            if not connection.is_closed():
                return connection
            await self._pool.release(connection)
        self._queueing += 1
        try:
            return await self._pool.acquire(timeout=CONNECT_TIMEOUT)
        finally:
            self._queueing -= 1

    async def put_back(self, connection: Lent, *, sound: bool) -> None:
        """Keep a connection for the next one; one that is not ``sound`` is the pool's to mend."""
        if sound and not self._queueing:
            self._kept.append(connection)
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._tidy)
        else:
            await self._pool.release(connection, timeout=RELEASE_TIMEOUT)

    async def expire(self) -> None:
        """Let no connection be used again that is there now."""
        for connection in self._kept:
            connection.terminate()
        self._kept.clear()
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
