"""The application whose workers the system tests start as real processes.

Every run of a job is one line in the file that ``EFFECTS`` names: what happened, not what the
database says about it.
"""

from __future__ import annotations

import asyncio
import os
import time

from soniq import JobContext, Soniq

app = Soniq()
EFFECTS = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(what: str) -> None:
    """Append a line in one write, which the system keeps in one piece."""
    os.write(EFFECTS, f"{what}\n".encode())


@app.job(name="count.one")
async def count_one(number: int) -> None:
    """Leave a trace of this run."""
    note(str(number))


@app.periodic(every=1, name="beat")
async def beat(ctx: JobContext) -> None:
    """Leave a trace of the tick."""
    note(f"beat {ctx.scheduled_at}")


@app.job(name="hang.async")
async def hang_async(ctx: JobContext) -> None:
    """Run until stopped."""
    note(f"started {ctx.attempt}")
    await asyncio.Event().wait()


@app.job(name="hang.sync")
def hang_sync() -> None:
    """Run in a thread for longer than any test."""
    note("started")
    time.sleep(600)


@app.job(name="slow.one")
async def slow_one(number: int) -> None:
    """Take a little while."""
    await asyncio.sleep(0.02)
    note(str(number))
