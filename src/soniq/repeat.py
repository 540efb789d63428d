"""Run one pass again and again until told to stop. The only loop primitive of background work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from soniq.clock import Clock
from soniq.events import Events, PassFailed, is_being_cancelled

logger = logging.getLogger("soniq.loops")

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 2.0

# The name of a loop, its pass, and the seconds between two of them.
Pass = tuple[str, Callable[[], Awaitable[float | None]], float]


async def repeat(
    name: str,
    one_pass: Callable[[], Awaitable[float | None]],
    *,
    stop: asyncio.Event,
    clock: Clock,
    events: Events,
    every: float = 0.0,
) -> None:
    """Run passes until ``stop`` is set; survive and report those that fail.

    After a pass comes a pause: the seconds that it returned, else ``every``, varied by a tenth so
    that many workers do not move in step. After failures the pause grows from 0.1 s to 2 s. A pass
    that is cancelled by somebody else than who cancels this loop has failed like any other.
    """
    failures = 0
    while not stop.is_set():
        try:
            pause = await one_pass()
            failures = 0
            seconds = every if pause is None else pause
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_being_cancelled():
                raise
            failures += 1
            seconds = min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE)
            logger.warning("%s failed (%d in a row): %s", name, failures, error, exc_info=True)
            await events.emit(PassFailed(name, error))
        await rest(stop, seconds * (0.9 + 0.2 * clock.random()))


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Wait for ``seconds``, or until ``stop`` is set."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
