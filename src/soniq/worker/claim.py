"""Is there room? Claim a batch and hand it over; nothing due: sleep until something is."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Collection

from soniq import crashpoints
from soniq.backends.contract import Backend, Queues
from soniq.clock import Clock
from soniq.job import ClaimedJob
from soniq.outcome import is_suspect
from soniq.registry import Registry
from soniq.settings import Settings
from soniq.worker.inflight import Inflight
from soniq.worker.wishes import Wishes

logger = logging.getLogger("soniq.worker")

# How long a worker claims nothing else, before and while a suspect runs: jobs without end must not
# keep it waiting, nor may it keep others waiting without end.
ALONE_SECONDS = 30.0
# Where wake-ups arrive at once, looking is for those that were lost, and for rows written by hand.
SELDOM = 10
# Calls within this time share one question when the next job is due.
QUESTION_SECONDS = 0.05


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
        wishes: Wishes,
    ) -> None:
        self._wishes = wishes
        self._backend = backend
        self._inflight = inflight
        self._registry = registry
        self._worker_id = worker_id
        self._queues = queues
        self._clock = clock
        self._poll_interval = settings.poll_interval
        self._max_crashes = settings.max_crashes
        self._leave_strangers = settings.unknown_task_grace > 0
        self.strangers: dict[str, float] = {}
        # When the question was asked last and when the next job was due then, by the monotonic
        # clock. What came since may be due earlier.
        self._asked_at = self._next_due = -math.inf
        self._may_be_earlier = True
        # The queue that a sleep was ended for. A claim from that one alone takes less time; what
        # waits in others is found out right afterwards.
        self._called: Queues = None
        # The last claim took all that such a queue had. Probably nothing waits elsewhere; to ask
        # when the next job is due costs less than to claim.
        self._emptied = False

    async def one_pass(self) -> float | None:
        """Claim once, or wait until that makes sense; 0 means: again at once."""
        self._inflight.changed.clear()
        room = self._inflight.room()
        if not self._wishes.to_claim.is_set():
            await self._keep_quiet()
        elif self._inflight.apart:
            await self._run_apart(self._inflight.apart)
        elif not room:
            await self._inflight.changed.wait()
        elif self._emptied or not await self.claim(room):
            await self._wait_for_work()
        return 0.0

    async def run_dry(self) -> None:
        """Claim and run all that is due, and what becomes due at once by that; then return."""
        while True:
            self._inflight.changed.clear()
            room = self._inflight.room()
            if not self._wishes.to_claim.is_set():
                await self._keep_quiet()
                continue
            if self._inflight.apart:
                await self._run_apart(self._inflight.apart)
                continue
            held = len(self._inflight)  # now: an outcome may come to light while the claim looks
            if room and await self.claim(room):
                continue
            if not room and self._inflight.running:
                await self._inflight.changed.wait()
            elif held:
                await self._inflight.drain(None)
                await self._inflight.flush(None)
            elif room:
                return

    async def claim(self, room: int) -> int:
        """Claim up to ``room`` jobs and start them; return how many there were."""
        # Shielded: a claim whose answer nobody takes would leave its jobs to the lease.
        claim = asyncio.create_task(self._claim(room))
        try:
            return await asyncio.shield(claim)
        except asyncio.CancelledError:
            await claim
            raise

    async def _claim(self, room: int) -> int:
        began = self._clock.monotonic()
        called, self._called = self._called, None
        jobs = await self._backend.jobs.claim(
            called or self._queues, limit=room, worker=self._worker_id, unknown=self._unknown()
        )
        self._inflight.claim_took(self._clock.monotonic() - began)
        if crashpoints.ARMED and jobs:
            crashpoints.passed("claim.committed")
        if self._leave_strangers:
            self._meet_strangers(jobs)
        self._hand_over(jobs)
        if jobs:
            self._may_be_earlier = True
        self._emptied = called is not None and len(jobs) < room
        return len(jobs)

    async def _keep_quiet(self) -> None:
        """Give back what was not started; return when jobs may be claimed again."""
        self._inflight.give_back_unstarted()
        self._may_be_earlier = True
        await self._wishes.to_claim.wait()

    def _hand_over(self, jobs: list[ClaimedJob]) -> None:
        if not self._wishes.to_claim.is_set():
            # Asked to be quiet while the claim was under way.
            self._inflight.give_back(jobs)
            return
        suspects = [job for job in jobs if self._must_be_alone(job)]
        self._inflight.set_apart(suspects)
        self._inflight.take([job for job in jobs if job not in suspects] if suspects else jobs)

    def _must_be_alone(self, job: ClaimedJob) -> bool:
        if not is_suspect(job.crashes, self._max_crashes):
            return False
        # In a process of its own it is alone anyway: its crash takes nobody along.
        task = self._registry.find(job.job_name)
        return task is None or task.executor != "process"

    async def _run_apart(self, job: ClaimedJob) -> None:
        """Run a suspect with nothing beside it, so that nobody else can be blamed for a crash."""
        await self._inflight.quiet(ALONE_SECONDS)
        if not self._wishes.to_claim.is_set():
            return
        owned = await self._backend.jobs.isolate(job, worker=self._worker_id)
        self._inflight.take_apart(start=owned)
        await self._inflight.quiet(ALONE_SECONDS)
        # Until its end is durable, the crash of whatever is started next would be its crash.
        await self._inflight.flush(ALONE_SECONDS)

    async def _wait_for_work(self) -> None:
        now = self._clock.monotonic()
        if self._emptied:
            self._emptied = False
            until = min(self._asked_at + QUESTION_SECONDS, self._next_due)
            if now < until and await self._is_called(until - now):
                return
            now = self._clock.monotonic()
        if self._may_be_earlier or self._next_due <= now:
            due_in = await self._backend.jobs.due_in(self._queues, unknown=self._unknown())
            self._asked_at = now
            self._next_due = math.inf if due_in is None else now + due_in
            self._may_be_earlier = False
        pause = self._poll_interval * (SELDOM if self._backend.wakeups.prompt else 1)
        timeout = min(pause * (0.9 + 0.2 * self._clock.random()), self._next_due - now)
        await self._is_called(max(timeout, 0.0))
        if self._clock.monotonic() < now + timeout:
            self._may_be_earlier = True

    async def _is_called(self, timeout: float) -> bool:
        """Sleep until roused, or for ``timeout`` seconds; tell whether it was by a queue's name."""
        called = await self._backend.wakeups.wait(self._queues, timeout)
        self._called = tuple(called) if len(called) == 1 else None
        if called:
            self._may_be_earlier = True
        return bool(called)

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
