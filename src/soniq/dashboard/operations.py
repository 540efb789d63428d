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
from soniq.dashboard.problem import Refused
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
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether it still goes on."""
        return self.state == "running"


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
        await self._soniq.audit.note(by, action, subject, {"operation": made.id})
        self._known[made.id] = made
        while len(self._known) > MOST_KEPT:
            self._drop_one()
        made.task = asyncio.create_task(self._run(made, work), name=f"soniq-{action}")
        return made

    def stop(self, operation_id: str) -> bool:
        """Stop it where it is; tell whether it ran. What has been done stays done."""
        found = self._known.get(operation_id)
        if found is None or found.task is None or not found.running:
            return False
        return found.task.cancel()

    async def close(self) -> None:
        """Stop all that run, and wait until they have."""
        tasks = [one.task for one in self._known.values() if one.task and not one.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, operation: Operation, work: Work) -> None:
        def told(count: int) -> None:
            operation.count = count

        try:
            operation.count = await work(told)
            operation.state = "done"
        except asyncio.CancelledError:
            operation.state = "stopped"
        except SoniqError as error:
            operation.state, operation.error = "failed", str(error)
        except Exception as error:
            operation.state, operation.error = "failed", type(error).__name__
            logger.exception("The operation %s (%s) failed", operation.id, operation.action)
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
