"""What ``app.stats`` is: figures of queues and tasks over time, and facts about the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from soniq.backends.contract import Backend
from soniq.backends.operator_contract import DatabaseFacts
from soniq.clock import Clock
from soniq.figures import Bin, Figures

HOUR = 3600.0


class Stats:
    """Reads rollups and counters; never counts the rows of jobs."""

    def __init__(
        self, backend: Backend, *, clock: Clock, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._ready = ready

    async def total(self, *, window: float = HOUR, queue: str | None = None) -> Figures:
        """Return the figures of the last ``window`` seconds, of all queues or one."""
        raise NotImplementedError

    async def by_queue(self, *, window: float = HOUR) -> dict[str, Figures]:
        """Return the figures of the last ``window`` seconds of every queue, sorted by name."""
        raise NotImplementedError

    async def by_task(self, *, window: float = HOUR) -> dict[str, Figures]:
        """Return the figures of the last ``window`` seconds of every task, sorted by name."""
        raise NotImplementedError

    async def series(
        self,
        *,
        window: float = HOUR,
        step: float = 60.0,
        queue: str | None = None,
        name: str | None = None,
    ) -> list[Bin]:
        """Return the figures of each ``step`` (whole minutes) of the last ``window`` seconds.

        Oldest first, without gaps: a step in which nothing ended is there with zeros.
        """
        raise NotImplementedError

    async def database(self) -> DatabaseFacts:
        """Return what is known of the database itself."""
        await self._ready()
        return await self._backend.stats.database()
