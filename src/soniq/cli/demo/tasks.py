"""The tasks of the demo."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from soniq.app import Soniq
from soniq.cli.demo.corpus import count, stdlib
from soniq.cli.demo.plan import QUEUE, Kind
from soniq.context import JobContext
from soniq.errors import PermanentFailure

ENDLESS_TIMEOUT = 0.5
RETRY_DELAYS = [0.2, 0.5]
# Before the plain files, so that retries happen while these are worked on.
PRIORITY = 50


def register(app: Soniq) -> None:
    """Register all tasks of the demo with an app."""
    app.job(name=Kind.FILE, queue=QUEUE)(parse_file)
    app.job(name=Kind.LATER, queue=QUEUE, priority=PRIORITY)(parse_later)
    app.job(name=Kind.UNIQUE, queue=QUEUE, priority=PRIORITY, unique=True)(parse_unique)
    app.job(name=Kind.FLAKY, queue=QUEUE, priority=PRIORITY, retries=3, retry_delay=RETRY_DELAYS)(
        parse_flaky
    )
    app.job(name=Kind.DOOMED, queue=QUEUE, priority=PRIORITY, retries=2, retry_delay=RETRY_DELAYS)(
        always_fails
    )
    app.job(name=Kind.ENDLESS, queue=QUEUE, priority=PRIORITY, retries=1, timeout=ENDLESS_TIMEOUT)(
        never_ends
    )


async def parse_file(path: str, run: int) -> dict[str, int]:
    """Count what stands in a file of the standard library. ``run`` tells the runs apart.

    Raises:
        PermanentFailure: Python itself can't read the file; trying again would not help.
    """
    del run
    try:
        return asdict(count(stdlib() / path))
    except (SyntaxError, ValueError, RecursionError) as error:
        message = f"{path} is no source file of this Python: {error}"
        raise PermanentFailure(message) from error


async def parse_later(path: str, run: int) -> dict[str, int]:
    """Do the same, scheduled a moment ahead."""
    return await parse_file(path, run)


async def parse_unique(path: str, run: int) -> dict[str, int]:
    """Do the same; enqueued twice, it still runs once."""
    return await parse_file(path, run)


async def parse_flaky(path: str, run: int, ctx: JobContext) -> dict[str, int]:
    """Fail on the first attempt, do the same on the second."""
    if ctx.attempt == 1:
        message = f"the first attempt at {path} fails, so that there is something to retry"
        raise ConnectionError(message)
    return await parse_file(path, run)


async def always_fails(run: int) -> None:
    """Fail on every attempt, to end in the dead letters."""
    message = f"this job of run {run} always fails, so that there is a dead letter to look at"
    raise RuntimeError(message)


async def never_ends(run: int) -> None:
    """Sleep until the timeout ends it."""
    del run
    await asyncio.Event().wait()
