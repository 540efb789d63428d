"""The application whose workers the system tests start as real processes.

Every run of a job is one line in the file that ``EFFECTS`` names: what happened, not what the
database says about it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import signal
import time
import weakref
from pathlib import Path

from soniq import JobContext, Soniq
from tests.support.effects import EFFECT, Effects

TRACES = os.open(os.environ["EFFECTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def note(what: str) -> None:
    """Append a line in one write, which the system keeps in one piece."""
    os.write(TRACES, f"{what}\n".encode())


if "SLOW_IMPORT" in os.environ:
    note("importing")
    time.sleep(float(os.environ["SLOW_IMPORT"]))

app = Soniq()
HOARD: list[bytes] = []


class Ring:
    """Refers to itself, so that only the garbage collector can find it."""

    itself: Ring


@app.job(name="count.one")
async def count_one(number: int) -> None:
    """Leave a trace of this run."""
    note(str(number))


@app.job(name="collector.look")
async def look_at_the_collector() -> None:
    """Tell what the garbage collector passes over, and whether it still finds what is new."""
    ring = Ring()
    ring.itself = ring
    gone = weakref.ref(ring)
    del ring
    gc.collect()
    looked_at = any(one is app for one in gc.get_objects())
    note(f"looks at the app: {looked_at}, finds what is new: {gone() is None}")
    note(f"looks after {gc.get_threshold()[0]} new objects")


@app.periodic(every=1, name="beat")
async def beat(ctx: JobContext) -> None:
    """Leave a trace of the tick."""
    note(f"beat {ctx.scheduled_at}")


@app.job(name="hang.async")
async def hang_async(ctx: JobContext) -> None:
    """Run until stopped."""
    note(f"started {ctx.attempt}")
    try:
        await asyncio.Event().wait()
    finally:
        note("stopped")


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


@app.job(name="pay.together")
async def pay_together(ctx: JobContext, dies: str) -> None:
    """Write with the completion of the job; the first process dies before the commit or after."""
    async with ctx.transaction() as conn:
        await conn.execute(EFFECT)
        die_once(ctx, dies == "before the commit")
    die_once(ctx, dies == "after the commit")


@app.job(name="pay.apart")
async def pay_apart(ctx: JobContext) -> None:
    """Write in a transaction of its own; the first process dies before the job is done."""
    await Effects(os.environ["SONIQ_DATABASE_URL"]).run(EFFECT)
    die_once(ctx, now=True)


def die_once(ctx: JobContext, now: bool) -> None:
    """End this process as a power cut would, in the first attempt."""
    if now and ctx.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@app.job(name="process.hang", executor="process", timeout=0)
def process_hang() -> None:
    """Run in a process of its own for longer than any test."""
    note(f"pid {os.getpid()}")
    time.sleep(600)


@app.job(name="process.hold", executor="process", timeout=0)
def process_hold() -> None:
    """Compute for ages without ever letting go of the interpreter."""
    note(f"pid {os.getpid()}")
    re.match(r"(a*)*b", "a" * 100)


@app.job(name="process.wait", executor="process")
def process_wait(until: str) -> str:
    """Return once a file is there."""
    note(f"pid {os.getpid()}")
    while not Path(until).exists():
        time.sleep(0.01)
    return "done"


@app.job(name="slower.one")
async def slower_one(number: int) -> None:
    """Take long enough for others to join in."""
    await asyncio.sleep(0.2)
    note(str(number))


@app.job(name="last.second")
async def last_second() -> None:
    """Take a second, and say so at both ends."""
    note("started")
    await asyncio.sleep(1)
    note("finished")


@app.job(name="hang.swallowing")
async def hang_swallowing() -> None:
    """Go on whatever comes."""
    note("started")
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()


@app.job(name="hang.finally")
async def hang_finally() -> None:
    """Never come to an end of tidying up."""
    note("started")
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()


@app.job(name="hang.loop")
async def hang_loop() -> None:
    """Keep the event loop from turning."""
    note("started")
    time.sleep(600)  # noqa: ASYNC251 - on purpose


@app.job(name="hang.lent")
async def hang_lent() -> None:
    """Leave a thread behind that nothing can stop."""
    note("started")
    await asyncio.to_thread(time.sleep, 600)


@app.job(name="hoard.some")
async def hoard_some(number: int) -> None:
    """Hold on to 40 MiB for ever."""
    HOARD.append(os.urandom(1024) * 1024 * 40)
    note(str(number))
