"""Assemble the crew of one worker; start and stop it in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from soniq.backends.contract import Backend
from soniq.clock import Clock
from soniq.events import Events, WorkerStarted
from soniq.middleware import Middleware
from soniq.options import ExecutorName
from soniq.outcome import Outcome
from soniq.outlast import outlast
from soniq.registry import Registry
from soniq.repeat import Pass, repeat
from soniq.settings import Settings
from soniq.worker.attempt import Attempt
from soniq.worker.claim import Claimer
from soniq.worker.condition import Condition
from soniq.worker.deadlines import Deadlines
from soniq.worker.execute import Executor
from soniq.worker.heartbeat import Heartbeat
from soniq.worker.identity import introduce
from soniq.worker.inflight import STALE_SECONDS, Inflight
from soniq.worker.limits import LOOK_SECONDS, Limits
from soniq.worker.maintenance import ROLL_UP_SECONDS, SILENCE_SECONDS, Maintenance
from soniq.worker.revoke import REVOKE_SECONDS, Revoker
from soniq.worker.runners import Runner
from soniq.worker.runners.async_ import AsyncRunner
from soniq.worker.runners.process import ProcessRunner
from soniq.worker.runners.thread import ThreadRunner
from soniq.worker.settle import Settler
from soniq.worker.shutdown import Patience, Shutdown, Step
from soniq.worker.unguarded import refuse_workers
from soniq.worker.vitals import vitals
from soniq.worker.watchdog import Watchdog
from soniq.worker.wishes import Wishes

logger = logging.getLogger("soniq.worker")

# When the time is up: for everything that is left, and of that for the handlers to stop.
END_SECONDS = 1.2
INTERRUPT_SECONDS = 0.7
# For a claim that is under way when it is up: its jobs can then be given back.
LEAST_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker did: durable outcomes by kind.

    ``lost`` outcomes were refused by the fence; ``abandoned`` jobs were still held at the end and
    wait for their lease to run out. ``reason`` tells why it ended: ``stopped``, ``asked`` (to stop,
    by an operator: see ``app.workers.stop``), ``dry`` (nothing was due), ``max_jobs`` or
    ``max_rss``.
    """

    worker_id: str
    complete: int = 0
    retry: int = 0
    bury: int = 0
    snooze: int = 0
    release: int = 0
    crash: int = 0
    cancel: int = 0
    lost: int = 0
    abandoned: int = 0
    reason: str = "stopped"


class Crew:
    """Everything that one start of one worker consists of."""

    def __init__(
        self,
        backend: Backend,
        registry: Registry,
        middleware: Sequence[Middleware],
        settings: Settings,
        *,
        events: Events,
        clock: Clock,
        concurrency: int | None = None,
        queues: Sequence[str] | None = None,
        ready: Callable[[], Awaitable[None]],
        shutdown: Shutdown | None = None,
        limits: tuple[int | None, int | None] = (None, None),
        beside: Sequence[Pass] = (),
    ) -> None:
        refuse_workers()
        identity = self.identity = introduce(registry, settings, concurrency, queues)
        self._settings, self._events, self._clock, self._ready = settings, events, clock, ready
        self.shutdown, self._limits = shutdown or Shutdown(), Limits(*limits, clock)
        self._runners, self._deadlines, self._beside = make_runners(settings), Deadlines(), beside
        self._executor = Executor(
            registry,
            middleware,
            backend.jobs,
            worker_id=identity.id,
            runners=self._runners,
            deadlines=self._deadlines,
            events=events,
            clock=clock,
            settings=settings,
        )
        self._settler = Settler(backend, identity.id, events=events, clock=clock)
        execute = self._execute_limited if self._limits.any else self._executor.execute
        inflight = self._inflight = Inflight(identity.concurrency, execute, self._settler, clock)
        self._wishes = Wishes(inflight, self.shutdown)
        self._claimer = self._make_claimer(backend, registry)
        self._revoker = Revoker(backend, inflight, worker_id=identity.id)
        self._watchdog = Watchdog(inflight, worker_id=identity.id, events=events, clock=clock)
        self._heartbeat = self._make_heartbeat(backend)
        self._maintenance = self._make_maintenance(backend)
        self._condition = Condition(inflight, backend.wakeups, self._heartbeat, self.shutdown)

    async def run(
        self,
        *,
        run_once: bool = False,
        handle_signals: bool = False,
        stop: asyncio.Event | None = None,
    ) -> WorkerReport:
        """Work until a stop is requested, or until nothing is due with ``run_once``; then report.

        Cancelling this call hands the jobs back at once, before the cancellation goes on.

        Raises:
            DatabaseError: the worker could not be registered; with ``run_once`` also when the
                database went away.
        """
        stop = stop or asyncio.Event()
        reason = "stopped"
        with self.shutdown.attached(handle_signals=handle_signals):
            preparing = asyncio.create_task(self._prepare(run_once=run_once))
            tasks: list[asyncio.Task[Any]] = [preparing]
            try:
                if await self._ended(preparing, stop=stop):
                    self._condition.loops = loops = self._start_loops(claim=not run_once)
                    tasks += loops
                    dry = [asyncio.create_task(self._claimer.run_dry())] if run_once else []
                    tasks += dry
                    if await self._ended(*dry, stop=stop):
                        reason = "dry"
            except asyncio.CancelledError:
                self.shutdown.request(Step.ABANDON)
                raise
            finally:
                self._condition.ended = True
                abandoned = await self._end(tasks)
        reason = self._limits.reason or self._wishes.reason or reason
        tally = self._settler.tally
        return WorkerReport(self.identity.id, **tally, abandoned=abandoned, reason=reason)

    def _make_claimer(self, backend: Backend, registry: Registry) -> Claimer:
        return Claimer(
            backend,
            self._inflight,
            registry,
            worker_id=self.identity.id,
            queues=self.identity.queues,
            clock=self._clock,
            settings=self._settings,
            wishes=self._wishes,
        )

    def _make_heartbeat(self, backend: Backend) -> Heartbeat:
        return Heartbeat(
            backend.sibling,
            self.identity,
            settings=self._settings,
            clock=self._clock,
            vitals=lambda: vitals(self._inflight, self._watchdog),
            wishes=self._wishes,
            events=self._events,
        )

    def _make_maintenance(self, backend: Backend) -> Maintenance:
        return Maintenance(
            backend,
            self._settings,
            strangers=self._claimer.strangers,
            others=lambda: self._heartbeat.others,
            ended=self._settler.tally.total,
            events=self._events,
            clock=self._clock,
        )

    async def _prepare(self, *, run_once: bool) -> None:
        await self._ready()
        self._wishes.attach()
        await self._heartbeat.start()
        self._watchdog.start()
        if run_once:
            # Before the loops: two rescues at once could hide a job from the only claim.
            await self._maintenance.rescue()
        await self._events.emit(WorkerStarted(self.identity.id, self._condition))

    async def _ended(self, *work: asyncio.Task[Any], stop: asyncio.Event) -> bool:
        """Wait until a piece of work has ended, or a stop is requested; tell which it was.

        Raises what the work raised.
        """
        stops = [
            asyncio.create_task(self.shutdown.draining.wait()),
            asyncio.create_task(stop.wait()),
        ]
        try:
            done, _ = await asyncio.wait([*work, *stops], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await put_down(stops)
        ended = [task for task in work if task in done]
        for task in ended:
            task.result()
        return bool(ended)

    def _start_loops(self, *, claim: bool) -> list[asyncio.Task[None]]:
        settings, maintenance = self._settings, self._maintenance
        loops = [
            self._loop("rescue", maintenance.rescue_in_company, settings.heartbeat_interval),
            self._loop("listen for the others", maintenance.listen, SILENCE_SECONDS),
            self._loop("prune", maintenance.prune, settings.cleanup_interval),
            self._loop("roll up", maintenance.roll_up, ROLL_UP_SECONDS),
            self._loop("give back", self._give_back_stale, STALE_SECONDS / 2),
            self._loop("revoke", self._revoker.one_pass, REVOKE_SECONDS),
        ]
        if self._limits.of_memory:
            loops.append(self._loop("look at the memory", self._look_at_memory, LOOK_SECONDS))
        loops.extend(self._loop(*one) for one in self._beside)
        if claim:
            loops.append(self._loop("claim", self._claimer.one_pass, 0.0))
        return loops

    def _loop(
        self,
        name: str,
        one_pass: Callable[[], Awaitable[float | None]],
        every: float,
        *,
        until: asyncio.Event | None = None,
    ) -> asyncio.Task[None]:
        return asyncio.create_task(
            repeat(
                name,
                one_pass,
                every=every,
                stop=until or self.shutdown.draining,
                clock=self._clock,
                events=self._events,
            ),
            name=f"soniq {name}",
        )

    async def _end(self, tasks: list[asyncio.Task[Any]]) -> int:
        """Stop, also where this call is cancelled meanwhile: then as fast as can be."""
        stopping = asyncio.create_task(self._stop(tasks))
        try:
            await asyncio.wait([stopping])
        except asyncio.CancelledError:
            self.shutdown.request(Step.ABANDON)
            await outlast(asyncio.wait([stopping]))
            raise
        return stopping.result()

    async def _stop(self, tasks: list[asyncio.Task[Any]]) -> int:
        shutdown, inflight = self.shutdown, self._inflight
        shutdown.request(Step.DRAIN)
        inflight.close()
        patience = Patience(self._settings.shutdown_timeout, shutdown.abandoning)
        await patience.outlast(put_down(tasks), at_least=LEAST_SECONDS)
        inflight.give_back_unstarted()
        revoke = self._loop(
            "revoke", self._revoker.one_pass, REVOKE_SECONDS, until=shutdown.abandoning
        )
        await patience.outlast(self._finish())
        inflight.interrupt()
        last = Patience(END_SECONDS)
        await last.outlast(inflight.drain(None), INTERRUPT_SECONDS)
        await last.outlast(self._finish())
        abandoned = len(inflight)
        for runner in self._runners.values():
            runner.close()
        self._deadlines.close()
        if abandoned:
            logger.error("%d job(s) could not be ended; they wait for the lease to end", abandoned)
            inflight.abandon()
        await last.outlast(put_down([revoke]), at_least=LEAST_SECONDS)
        await last.outlast(self._watchdog.stop(), at_least=LEAST_SECONDS)
        await self._heartbeat.stop(leave=not abandoned)
        return abandoned

    async def _finish(self) -> None:
        """Return when no handler runs any more and every outcome is durable."""
        await self._inflight.drain(None)
        await self._inflight.flush(None)

    async def _execute_limited(self, attempt: Attempt) -> Outcome:
        outcome = await self._executor.execute(attempt)
        if self._limits.reached_by_a_job():
            self._end_soon()
        return outcome

    async def _look_at_memory(self) -> None:
        if self._limits.reached_by_memory():
            self._end_soon()

    def _end_soon(self) -> None:
        self._inflight.close()
        self.shutdown.request(Step.DRAIN)

    async def _give_back_stale(self) -> None:
        self._inflight.give_back_stale()


def make_runners(settings: Settings) -> dict[ExecutorName, Runner]:
    """Return a runner for each kind of executor; none has started anything yet."""
    return {
        "async": AsyncRunner(),
        "thread": ThreadRunner(settings.sync_pool_size),
        "process": ProcessRunner(settings.process_pool_size),
    }


async def put_down(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until they have ended; what they raise was theirs to report."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
