"""Count the database calls of an app, and let exactly one of them go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any

import asyncpg

from soniq import Soniq
from soniq.errors import DatabaseUnreachable

Call = Callable[[], Awaitable[Any]]
VERB: ContextVar[str] = ContextVar("VERB", default="jobs/insert")


class Kind(StrEnum):
    """How a call goes wrong."""

    REFUSED = "refused"  # it never reaches the database
    LOST = "lost"  # the database has done it; the answer does not arrive
    CANCELLED = "cancelled"  # whoever waits for it is cancelled meanwhile


class Faults:
    """Stands between an app and its database.

    ``victim``: the task that is cancelled; what it waits for may run in another one.
    ``met``: what the call was that went wrong, or None while none has.
    """

    def __init__(self, kind: Kind | None = None, number: int = 0) -> None:
        self._kind = kind
        self._number = number
        self._armed = False
        self._embedded = False
        self.calls = 0
        self.met: str | None = None
        self.victim: asyncio.Task[Any] | None = None

    def arm(self) -> None:
        """Count from now on."""
        self._armed = True

    def disarm(self) -> None:
        """Let everything pass."""
        self._armed = False

    def install(self, app: Soniq) -> None:
        """Get between an app and its database; the handle of its heartbeat is spared."""
        backend: Any = app.backend
        self._embedded = backend.name != "postgres"
        match backend.name:
            case "postgres":
                self._install_in_postgres(backend._db)
            case "sqlite":
                self._install_in_sqlite(backend._database)
            case _:
                for store in ("jobs", "dead_letters", "workers"):
                    setattr(backend, store, Watched(getattr(backend, store), store, self))

    async def meet(self, call: Call, verb: str, error: Callable[[], Exception]) -> Any:
        """Make a call, or let it go wrong where it is its turn."""
        if not self._armed:
            return await call()
        self.calls += 1
        if self.calls != self._number:
            return await call()
        self.met = verb
        match self._kind:
            case Kind.REFUSED:
                raise error()
            case Kind.LOST:
                answer = await call()
                if self._embedded and "claim" in verb:
                    # No wire lies between a commit and the worker of the same process.
                    return answer
                raise error()
            case _:
                assert self.victim is not None
                self.victim.cancel()
                return await call()

    def _install_in_postgres(self, db: Any) -> None:
        run = db._run

        async def watched_run(action: Any) -> Any:
            return await self.meet(lambda: run(action), VERB.get(), broken_connection)

        def named(fetch: Any) -> Any:
            async def watched_fetch(verb: str, *args: object) -> Any:
                token = VERB.set(verb)
                try:
                    return await fetch(verb, *args)
                finally:
                    VERB.reset(token)

            return watched_fetch

        db._run, db.fetch, db.fetch_once = watched_run, named(db.fetch), named(db.fetch_once)

    def _install_in_sqlite(self, database: Any) -> None:
        def watched(hop: Any) -> Any:
            async def watched_hop(work: Any) -> Any:
                return await self.meet(lambda: hop(work), work.__qualname__, unreachable)

            return watched_hop

        database.write, database.read = watched(database.write), watched(database.read)


class Watched:
    """A store of the memory backend whose calls are counted."""

    def __init__(self, store: Any, name: str, faults: Faults) -> None:
        self._store = store
        self._name = name
        self._faults = faults

    def __getattr__(self, verb: str) -> Any:
        """Return a method that can go wrong."""
        method = getattr(self._store, verb)

        async def watched(*args: Any, **given: Any) -> Any:
            return await self._faults.meet(
                lambda: method(*args, **given), f"{self._name}/{verb}", unreachable
            )

        return watched


def broken_connection() -> Exception:
    """Return what the driver raises when a connection breaks under a statement."""
    return asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


def unreachable() -> Exception:
    """Return what a backend raises when its database is away."""
    return DatabaseUnreachable("away for one call")
