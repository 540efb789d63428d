"""Run a scheduler until it is told to stop."""

from __future__ import annotations

import asyncio

from soniq.clock import Clock
from soniq.events import Events
from soniq.repeat import repeat
from soniq.scheduler.loop import LOOP, SchedulerLoop
from soniq.worker.shutdown import Shutdown, Step
from soniq.worker.worker import put_down

WORDS = {Step.DRAIN: "stopping", Step.ABANDON: "stopping"}


async def run_scheduler(
    scheduler: SchedulerLoop,
    *,
    events: Events,
    clock: Clock,
    handle_signals: bool = False,
    stop: asyncio.Event | None = None,
) -> None:
    """Return when ``stop`` is set or a signal asks for it.

    What is being fired at that moment is fired whole or, by the next scheduler, later.
    """
    shutdown = Shutdown(words=WORDS)
    with shutdown.attached(handle_signals=handle_signals):
        tasks = [
            asyncio.create_task(
                repeat(LOOP, scheduler.one_pass, stop=shutdown.draining, clock=clock, events=events)
            ),
            asyncio.create_task(shutdown.draining.wait()),
            asyncio.create_task((stop or asyncio.Event()).wait()),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await put_down(tasks)
