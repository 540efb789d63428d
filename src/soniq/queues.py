"""The operator's view of queues: how they stand, pause them, let them go on."""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable

from soniq.backends.contract import Backend
from soniq.options import check_text
from soniq.rouse import rouse
from soniq.standing import Pause, QueueStanding


class Queues:
    """What ``app.queues`` is."""

    def __init__(self, backend: Backend, *, ready: Callable[[], Awaitable[None]]) -> None:
        self._backend = backend
        self._ready = ready

    async def list(self) -> builtins.list[QueueStanding]:
        """Return how every queue stands in which jobs wait, run or have died, or that is paused.

        Sorted by name. Counts no more than a bounded part of what waits: see
        ``QueueStanding.exact``.
        """
        await self._ready()
        return await self._backend.stats.standings()

    async def unserved(self, *, grace: float = 10.0) -> dict[str, float]:
        """Return the queues whose due jobs nobody will run, with the seconds the first one is due.

        Those that no living worker serves and in which a job has been due for ``grace`` seconds;
        paused ones don't count. Counts nothing, so that a probe may ask often.
        """
        await self._ready()
        return await self._backend.stats.unserved(grace=grace)

    async def pause(self, queue: str, *, by: str, reason: str = "") -> bool:
        """Let no worker claim from the queue until it is resumed; tell whether it was not paused.

        Jobs that run, and the few that a worker has already claimed, are not touched. A queue that
        does not exist yet can be paused, too. ``by``: who wants it; ``reason``: why.

        Raises:
            InvalidOption: a name that no queue can have, or nobody in ``by``.
        """
        check_text("queue", queue)
        check_text("by", by)
        await self._ready()
        return await self._backend.queues.pause(queue, by=by, reason=reason)

    async def resume(self, queue: str) -> bool:
        """Let workers claim from the queue again, and rouse them; tell whether it was paused."""
        await self._ready()
        resumed = await self._backend.queues.resume(queue)
        if resumed:
            await rouse(self._backend.wakeups, [queue])
        return resumed

    async def paused(self) -> builtins.list[Pause]:
        """Return all pauses, sorted by queue."""
        await self._ready()
        return await self._backend.queues.paused()
