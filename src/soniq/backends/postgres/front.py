"""Look below the floors of claims, beside the claims, so that none of them has to wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

import asyncpg

from soniq.backends.postgres.floors import Floors, Level, Place, columns, place
from soniq.backends.postgres.pool import Database
from soniq.clock import Clock
from soniq.errors import DatabaseError

logger = logging.getLogger("soniq.postgres")


class FrontLooks:
    """Runs one look at a time, on a connection that no claim has.

    ``rouse`` is called with the queues of jobs that were found: a worker that sleeps has to look.
    """

    def __init__(
        self, db: Database, clock: Clock, floors: Floors, rouse: Callable[[Collection[str]], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._floors = floors
        self._rouse = rouse
        self._look: asyncio.Task[None] | None = None

    def start(self, floors: Mapping[Level, Place], unknown: Collection[str]) -> None:
        """Begin a look below these floors, for jobs of other names, unless one is under way."""
        if self._look is None:
            self._look = asyncio.create_task(self._run(floors, list(unknown)))

    async def close(self) -> None:
        """End what is under way."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    def forget(self) -> None:
        """Drop a task whose event loop is dead."""
        self._look = None

    async def _run(self, floors: Mapping[Level, Place], unknown: list[str]) -> None:
        began = self._clock.monotonic()
        try:
            records = await self._db.fetch("jobs/below", unknown, *columns(floors))
        except (DatabaseError, asyncpg.PostgresError) as error:
            logger.debug("No look below the floors of claims: %s", error)
            self._floors.could_not_look(self._clock.monotonic())
            return
        finally:
            self._look = None
        found = dict(place(record) for record in records if record["id"] is not None)
        seconds, ended = max(record["seconds"] for record in records), self._clock.monotonic()
        self._floors.looked_below(found, seconds=seconds, began=began, ended=ended)
        if found:
            self._rouse({queue for queue, _ in found})
