"""Is there room? Claim a batch and hand it over; nothing due: sleep until something is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from soniq import crashpoints
from soniq.backends.contract import Backend, Queues
from soniq.clock import Clock
from soniq.job import ClaimedJob
from soniq.registry import Registry
from soniq.settings import Settings
from soniq.worker.inflight import Inflight

logger = logging.getLogger("soniq.worker")


class Claimer:
    """Keeps the worker supplied.

    ``strangers`` maps task names that this worker met but does not know to the monotonic time of
    the first meeting; it leaves their jobs to workers that know them.
    """

    def __init__(
        self,
        backend: Backend,
        inflight: Inflight,
        registry: Registry,
        *,
        worker_id: str,
        queues: Queues,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._backend = backend
        self._inflight = inflight
        self._registry = registry
        self._worker_id = worker_id
        self._queues = queues
        self._clock = clock
        self._poll_interval = settings.poll_interval
        self._leave_strangers = settings.unknown_task_grace > 0
        self.strangers: dict[str, float] = {}

    async def one_pass(self) -> float | None:
        """Claim once, or wait until that makes sense; 0 means: again at once."""
        self._inflight.changed.clear()
        room = self._inflight.room()
        if not room:
            await self._inflight.changed.wait()
        elif not await self.claim(room):
            await self._wait_for_work()
        return 0.0

    async def run_dry(self) -> None:
        """Claim and run all that is due, and what becomes due at once by that; then return."""
        while True:
            self._inflight.changed.clear()
            room = self._inflight.room()
            if room and await self.claim(room):
                continue
            if not room and self._inflight.running:
                await self._inflight.changed.wait()
            elif len(self._inflight):
                await self._inflight.drain(None)
                await self._inflight.flush(None)
            elif room:
                return

    async def claim(self, room: int) -> int:
        """Claim up to ``room`` jobs and start them; return how many there were."""
        # Shielded: a claim whose answer nobody takes would leave its jobs to the lease.
        claim = asyncio.ensure_future(
            self._backend.jobs.claim(
                self._queues, limit=room, worker=self._worker_id, unknown=self._unknown()
            )
        )
        try:
            jobs = await asyncio.shield(claim)
        except asyncio.CancelledError:
            jobs = await claim
            self._inflight.take(jobs)
            raise
        if crashpoints.ARMED and jobs:
            crashpoints.passed("claim.committed")
        if self._leave_strangers:
            self._meet_strangers(jobs)
        self._inflight.take(jobs)
        return len(jobs)

    async def _wait_for_work(self) -> None:
        due_in = await self._backend.jobs.due_in(self._queues, unknown=self._unknown())
        timeout = self._poll_interval * (0.9 + 0.2 * self._clock.random())
        if due_in is not None:
            timeout = min(timeout, due_in)
        await self._backend.wakeups.wait(self._queues, timeout)

    def _unknown(self) -> Collection[str]:
        # A task may be registered while the worker runs, so strangers are looked at anew.
        for name in [name for name in self.strangers if name in self._registry]:
            del self.strangers[name]
        return self.strangers.keys()

    def _meet_strangers(self, jobs: list[ClaimedJob]) -> None:
        for name in {job.job_name for job in jobs}:
            if name not in self._registry and name not in self.strangers:
                self.strangers[name] = self._clock.monotonic()
                logger.warning("%s", self._registry.explain_unknown(name))
