"""Assemble the crew of one worker; start and stop it in order."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from soniq.backends.contract import Backend, Queues, WorkerIdentity
from soniq.clock import Clock
from soniq.errors import InvalidOption
from soniq.events import Events
from soniq.job import ClaimedJob
from soniq.middleware import Middleware
from soniq.options import check_text
from soniq.outcome import Release, Settlement
from soniq.registry import Registry
from soniq.repeat import Pass, repeat
from soniq.settings import Settings
from soniq.worker.claim import Claimer
from soniq.worker.execute import Executor
from soniq.worker.heartbeat import Heartbeat
from soniq.worker.inflight import STALE_SECONDS, Inflight
from soniq.worker.maintenance import SILENCE_SECONDS, Maintenance
from soniq.worker.revoke import REVOKE_SECONDS, Revoker
from soniq.worker.runners import Runner
from soniq.worker.runners.async_ import AsyncRunner
from soniq.worker.runners.thread import ThreadRunner
from soniq.worker.settle import Settler
from soniq.worker.shutdown import Shutdown
from soniq.worker.watchdog import Watchdog

logger = logging.getLogger("soniq.worker")

# After the handlers were told to stop: for them to do so, and for the last outcomes to be written.
INTERRUPT_SECONDS = 1.0
LAST_FLUSH_SECONDS = 5.0
HURRIED_FLUSH_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker did: durable outcomes by kind.

    ``lost`` outcomes were refused by the fence; ``abandoned`` jobs were still held at the end and
    wait for their lease to run out.
    """

    worker_id: str
    complete: int = 0
    retry: int = 0
    bury: int = 0
    snooze: int = 0
    release: int = 0
    cancel: int = 0
    lost: int = 0
    abandoned: int = 0


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
        beside: Sequence[Pass] = (),
    ) -> None:
        self.identity = introduce(registry, settings, concurrency, queues)
        self._settings, self._events, self._clock = settings, events, clock
        self.shutdown = Shutdown()
        self._beside = beside
        self._runners: dict[bool, Runner] = {
            True: AsyncRunner(),
            False: ThreadRunner(settings.sync_pool_size),
        }
        self._executor = Executor(
            registry,
            middleware,
            worker_id=self.identity.id,
            runners=self._runners,
            events=events,
            clock=clock,
            keep_results=settings.result_ttl > 0,
            unknown_task_grace=settings.unknown_task_grace,
        )
        self._settler = Settler(backend, self.identity.id, events=events, clock=clock)
        self._inflight = Inflight(
            self.identity.concurrency, self._executor.execute, self._settler.settle, clock
        )
        self._claimer = Claimer(
            backend,
            self._inflight,
            registry,
            worker_id=self.identity.id,
            queues=self.identity.queues,
            clock=clock,
            settings=settings,
        )
        self._revoker = Revoker(backend, self._inflight, worker_id=self.identity.id)
        self._maintenance = Maintenance(
            backend, settings, strangers=self._claimer.strangers, events=events, clock=clock
        )
        self._watchdog = Watchdog(self._inflight, events=events, clock=clock)
        self._heartbeat = Heartbeat(backend.sibling, self.identity, settings=settings, clock=clock)

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
        with self.shutdown.on_signals() if handle_signals else nullcontext():
            await self._heartbeat.start()
            self._watchdog.start()
            loops: list[asyncio.Task[None]] = []
            try:
                if run_once:
                    # Before the loops: two rescues at once could hide a job from the only claim.
                    await self._maintenance.rescue()
                loops = self._start_loops(claim=not run_once)
                await self._work(run_once=run_once, stop=stop or asyncio.Event())
            except asyncio.CancelledError:
                self.shutdown.abandoning.set()
                raise
            finally:
                abandoned = await self._stop(loops)
        return WorkerReport(self.identity.id, **self._settler.tally, abandoned=abandoned)

    def _start_loops(self, *, claim: bool) -> list[asyncio.Task[None]]:
        settings, maintenance = self._settings, self._maintenance
        loops = [
            self._loop("rescue", maintenance.rescue, settings.heartbeat_interval),
            self._loop("listen for the others", maintenance.listen, SILENCE_SECONDS),
            self._loop("prune", maintenance.prune, settings.cleanup_interval),
            self._loop("give back", self._give_back_stale, STALE_SECONDS / 2),
            self._loop("revoke", self._revoker.one_pass, REVOKE_SECONDS),
        ]
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

    async def _work(self, *, run_once: bool, stop: asyncio.Event) -> None:
        work: list[asyncio.Task[Any]] = [
            asyncio.create_task(self.shutdown.draining.wait()),
            asyncio.create_task(stop.wait()),
        ]
        if run_once:
            work.append(asyncio.create_task(self._claimer.run_dry()))
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await put_down(work)

    async def _stop(self, loops: list[asyncio.Task[None]]) -> int:
        self.shutdown.draining.set()
        await put_down(loops)
        unstarted = self._inflight.give_back_unstarted()
        returning = asyncio.create_task(self._release(unstarted))
        await self._drain()
        hurry = self.shutdown.abandoning.is_set()
        seconds = HURRIED_FLUSH_SECONDS if hurry else LAST_FLUSH_SECONDS
        await asyncio.wait([returning], timeout=seconds)
        await self._inflight.flush(seconds)
        abandoned = len(self._inflight) + (0 if returning.done() else len(unstarted))
        for runner in self._runners.values():
            runner.close()
        if abandoned:
            logger.error("%d job(s) could not be ended; they wait for the lease to end", abandoned)
            self._inflight.abandon()
        await put_down([returning])
        await self._watchdog.stop()
        await self._heartbeat.stop(leave=not abandoned)
        return abandoned

    async def _drain(self) -> None:
        abandoning = self.shutdown.abandoning
        drain = asyncio.create_task(self._inflight.drain(self._settings.shutdown_timeout))
        abandon = asyncio.create_task(abandoning.wait())
        revoke = self._loop("revoke", self._revoker.one_pass, REVOKE_SECONDS, until=abandoning)
        await asyncio.wait([drain, abandon], return_when=asyncio.FIRST_COMPLETED)
        await put_down([drain, abandon, revoke])
        if self._inflight.running:
            self._inflight.interrupt()
            await self._inflight.drain(INTERRUPT_SECONDS)

    async def _give_back_stale(self) -> None:
        await self._release(self._inflight.give_back_stale())

    async def _release(self, jobs: Sequence[ClaimedJob]) -> None:
        await self._settler.give_back([Settlement(job, Release()) for job in jobs])


def introduce(
    registry: Registry,
    settings: Settings,
    concurrency: int | None,
    queues: Sequence[str] | None,
) -> WorkerIdentity:
    """Return what this start of a worker says of itself; what was not given, the settings say."""
    return WorkerIdentity(
        # Random, not a natural key: in containers, host names and pids come round again.
        id=str(uuid.uuid4()),
        hostname=socket.gethostname(),
        pid=os.getpid(),
        queues=check_queues(settings.queues if queues is None else queues),
        concurrency=check_concurrency(settings.concurrency if concurrency is None else concurrency),
        tasks=registry.names,
    )


async def put_down(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until they have ended; what they raise was theirs to report."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def check_concurrency(number: object) -> int:
    """Return a number of handlers at a time, or raise InvalidOption."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        message = f"concurrency={number!r}: give the number of jobs to run at a time, 1 or more."
        raise InvalidOption(message)
    return number


def check_queues(queues: Sequence[str] | None) -> Queues:
    """Return queue names, each once, or None for all; InvalidOption for anything else."""
    if queues is None:
        return None
    if isinstance(queues, str) or not queues:
        message = f"queues={queues!r}: give a list of queue names, or None to serve all queues."
        raise InvalidOption(message)
    return tuple(dict.fromkeys(check_text("queue", queue) for queue in queues))
