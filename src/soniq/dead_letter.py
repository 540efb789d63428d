"""Jobs that will not run again by themselves: look, replay, delete."""

from __future__ import annotations

import builtins
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from soniq.backends.contract import Backend
from soniq.clock import Clock
from soniq.errors import DatabaseError, JobNotFound
from soniq.job import DeadLetter
from soniq.jobs import check_page

logger = logging.getLogger("soniq")


@dataclass(frozen=True, slots=True)
class DeadLetterCount:
    """How many dead letters there are of one task in one queue for one reason."""

    queue: str
    job_name: str
    reason: str
    count: int


class DeadLetters:
    """What ``app.dead_letter`` is."""

    def __init__(
        self, backend: Backend, *, clock: Clock, ready: Callable[[], Awaitable[None]]
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._ready = ready

    async def list(
        self,
        *,
        queue: str | None = None,
        name: str | None = None,
        reason: str | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[DeadLetter]:
        """Return dead letters, the latest first.

        Raises:
            InvalidOption: a limit or offset out of range.
        """
        check_page(limit, offset)
        await self._ready()
        return await self._backend.dead_letters.find(
            queue=queue, name=name, reason=reason, limit=limit, offset=offset
        )

    async def get(self, job_id: str) -> DeadLetter | None:
        """Return the dead letter of the job that had this id, or None."""
        await self._ready()
        return await self._backend.dead_letters.get(str(job_id))

    async def replay(self, job_id: str) -> str:
        """Queue it again as a new job with a fresh budget and return the new id; keep the record.

        Raises:
            JobNotFound: there is no such dead letter.
        """
        await self._ready()
        new_id = self._clock.new_id()
        if not await self._backend.dead_letters.replay(str(job_id), new_id=new_id):
            message = f"No dead letter {job_id}: see app.dead_letter.list() for those there are."
            raise JobNotFound(message)
        await self._rouse(new_id)
        return new_id

    async def replay_many(
        self,
        *,
        queue: str | None = None,
        name: str | None = None,
        reason: str | None = None,
        limit: int = 100,
    ) -> builtins.list[str]:
        """Replay up to ``limit`` matching dead letters that never were, and return the new ids.

        Those that were replayed before are left alone: replay them one by one.
        """
        check_page(limit, 0)
        await self._ready()
        waiting = await self._backend.dead_letters.find(
            queue=queue, name=name, reason=reason, replayed=False, limit=limit
        )
        return [await self.replay(letter.id) for letter in waiting]

    async def delete(self, job_id: str) -> bool:
        """Delete one dead letter; tell whether there was one."""
        await self._ready()
        return await self._backend.dead_letters.delete(str(job_id))

    async def purge(
        self, older_than: float = 0.0, *, queue: str | None = None, name: str | None = None
    ) -> int:
        """Delete those that ended more than ``older_than`` seconds ago; return how many."""
        await self._ready()
        return await self._backend.dead_letters.purge(older_than=older_than, queue=queue, name=name)

    async def stats(self) -> builtins.list[DeadLetterCount]:
        """Return the numbers per queue, task and reason, sorted.

        They are those of the latest 100,000: no more are counted, however many there are.
        """
        await self._ready()
        return [DeadLetterCount(*row) for row in await self._backend.dead_letters.count()]

    async def _rouse(self, job_id: str) -> None:
        # The job is durable: an error here would only invite to replay it once more.
        try:
            job = await self._backend.jobs.get(job_id)
            if job is not None:
                await self._backend.wakeups.wake([job.queue])
        except DatabaseError:
            logger.debug("A wake-up was lost; workers will poll.", exc_info=True)
