"""Work on many jobs that goes on after its request has been answered: its progress, its end."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from soniq.app import Soniq
from soniq.dashboard.problem import Refused, problem_of
from soniq.errors import SoniqError

logger = logging.getLogger("soniq.dashboard")

MOST_RUNNING = 4
MOST_KEPT = 100

State = Literal["running", "done", "failed", "stopped"]
# Called with a function that takes how many jobs have been dealt with so far; returns how many.
Work = Callable[[Callable[[int], None]], Awaitable[int]]


@dataclass(slots=True)
class Operation:
    """One piece of such work. ``subject``: the search, or what else it is about."""

    id: str
    action: str
    subject: str
    by: str
    started_at: datetime
    expected: int | None = None
    count: int = 0
    state: State = "running"
    ended_at: datetime | None = None
    error: str | None = None
    work: asyncio.Future[int] | None = field(default=None, repr=False)
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether it still goes on."""
        return self.state == "running"

    def tell(self, count: int) -> None:
        """Note how many jobs have been dealt with so far."""
        self.count = count


class Operations:
    """Those of this process: a few at a time, the latest hundred remembered."""

    def __init__(self, soniq: Soniq) -> None:
        self._soniq = soniq
        self._known: OrderedDict[str, Operation] = OrderedDict()

    def get(self, operation_id: str) -> Operation | None:
        """Return an operation, or None if this process does not know it (any more)."""
        return self._known.get(operation_id)

    def list(self) -> list[Operation]:
        """Return those that are known, the latest first."""
        return list(reversed(self._known.values()))

    async def start(
        self, action: str, subject: str, work: Work, *, by: str, expected: int | None = None
    ) -> Operation:
        """Begin with it, note that in the audit log, and return at once.

        Raises:
            Refused: 429 while as many run as may.
        """
        if sum(one.running for one in self._known.values()) >= MOST_RUNNING:
            message = f"{MOST_RUNNING} operations run already: wait for one to end, or stop it."
            raise Refused(429, message, retry_after="10")
        clock = self._soniq.clock
        made = Operation(clock.new_id(), action, subject, by, clock.now(), expected)
        self._known[made.id] = made
        try:
            await self._soniq.audit.note(by, action, subject, {"operation": made.id})
        except BaseException:
            del self._known[made.id]
            raise
        while len(self._known) > MOST_KEPT:
            self._drop_one()
        made.work = asyncio.ensure_future(work(made.tell))
        made.task = asyncio.create_task(self._see_to(made, made.work), name=f"soniq-{action}")
        return made

    def stop(self, operation_id: str) -> bool:
        """Stop it where it is; tell whether it ran. What has been done stays done."""
        found = self._known.get(operation_id)
        return found is not None and found.work is not None and found.work.cancel()

    async def close(self) -> None:
        """Stop all that run, and wait until they have."""
        for one in self._known.values():
            self.stop(one.id)
        tasks = [one.task for one in self._known.values() if one.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _see_to(self, operation: Operation, work: asyncio.Future[int]) -> None:
        """Wait for the end of the work, and tell of it."""
        await asyncio.wait([work])
        error = None if work.cancelled() else work.exception()
        if work.cancelled():
            operation.state = "stopped"
        elif isinstance(error, Exception):
            operation.state, operation.error = "failed", problem_of(error).detail
            logger.error(
                "The operation %s (%s) failed", operation.id, operation.action, exc_info=error
            )
        else:
            operation.state, operation.count = "done", work.result()
        operation.ended_at = self._soniq.clock.now()
        await self._note_end(operation)

    async def _note_end(self, operation: Operation) -> None:
        detail = {"operation": operation.id, "state": operation.state, "count": operation.count}
        try:
            action = f"{operation.action}.ended"
            await self._soniq.audit.note(operation.by, action, operation.subject, detail)
        except SoniqError:
            logger.exception("The audit log lacks the end of an operation: %s", detail)

    def _drop_one(self) -> None:
        ended = next((one for one in self._known.values() if not one.running), None)
        if ended is not None:
            del self._known[ended.id]
