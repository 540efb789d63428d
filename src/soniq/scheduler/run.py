"""Run the loops of a scheduler until they are told to stop."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from soniq.clock import Clock
from soniq.events import Events
from soniq.repeat import repeat
from soniq.scheduler.loop import SchedulerLoop
from soniq.worker.shutdown import Shutdown


async def run_loops(
    loop: SchedulerLoop,
    *,
    events: Events,
    clock: Clock,
    handle_signals: bool = False,
    stop: asyncio.Event | None = None,
) -> None:
    """Return when ``stop`` is set or a signal asks for it.

    What is being fired at that moment is fired whole or, by the next scheduler, later.
    """
    shutdown = Shutdown()
    with shutdown.on_signals() if handle_signals else nullcontext():
        loops = [
            asyncio.create_task(
                repeat(
                    name, one_pass, every=every, stop=shutdown.draining, clock=clock, events=events
                ),
                name=f"soniq {name}",
            )
            for name, one_pass, every in loop.passes
        ]
        asked = [
            asyncio.create_task(shutdown.draining.wait()),
            asyncio.create_task((stop or asyncio.Event()).wait()),
        ]
        try:
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*asked, *loops):
                task.cancel()
            await asyncio.gather(*asked, *loops, return_exceptions=True)
