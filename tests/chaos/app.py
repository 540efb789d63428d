"""The application whose workers are killed: every step of every run goes into the log."""

from __future__ import annotations

import asyncio
import ctypes
import os
import time
from dataclasses import dataclass, field
from typing import Any

from soniq import JobContext, Soniq
from soniq.events import JobRaised, LeaseLost
from tests.chaos.effects import EffectLog
from tests.chaos.tables import tables

# So many that no kill can use them up.
RETRIES = 999
CHARGE = "INSERT INTO charges VALUES ('{job}')"


@dataclass
class Tasks:
    """The handlers. ``running`` is how the log knows a job of which only the id is told."""

    url: str
    log: EffectLog
    running: dict[str, tuple[int, int, str]] = field(
        default_factory=dict[str, tuple[int, int, str]]
    )

    def begin(self, number: int, context: JobContext) -> None:
        """Say that a run has begun."""
        self.running[context.job_id] = (number, context.attempt, context.worker_id or "-")
        self.log.note("start", number, context)

    def finish(self, number: int, context: JobContext) -> dict[str, object]:
        """Say who has run the job: the checker compares it with who owns it."""
        self.log.note("effect", number, context)
        self.log.note("end", number, context)
        return {"worker": context.worker_id, "attempt": context.attempt}

    async def work(self, number: int, seconds: float, ctx: JobContext) -> dict[str, object]:
        """Take a while, as most jobs do."""
        self.begin(number, ctx)
        await asyncio.sleep(seconds)
        return self.finish(number, ctx)

    async def charge(self, number: int, ctx: JobContext) -> dict[str, object]:
        """Take effect in the database, together with the outcome."""
        self.begin(number, ctx)
        async with ctx.transaction() as connection:
            await connection.execute(CHARGE.format(job=ctx.job_id))
        return self.finish(number, ctx)

    async def charge_plainly(self, number: int, ctx: JobContext) -> dict[str, object]:
        """Take effect in the database, before the outcome is written."""
        self.begin(number, ctx)
        async with tables(self.url) as database:
            await database.execute(CHARGE.format(job=ctx.job_id))
        return self.finish(number, ctx)

    async def block(self, number: int, seconds: float, ctx: JobContext) -> dict[str, object]:
        """Keep the event loop from turning, as a coroutine function must not."""
        self.begin(number, ctx)
        time.sleep(seconds)  # noqa: ASYNC251 - that is the fault
        return self.finish(number, ctx)

    async def fail(self, number: int, ctx: JobContext) -> None:
        """Fail for good."""
        self.begin(number, ctx)
        raise ValueError(number)

    async def die(self, number: int, seconds: float, how: str, ctx: JobContext) -> None:
        """Take the whole process along, after a while."""
        self.begin(number, ctx)
        await asyncio.sleep(seconds)
        if how == "exit":
            os._exit(1)
        ctypes.string_at(0)  # a segmentation fault

    def note_lost(self, event: LeaseLost) -> None:
        """Say that the fence has refused an outcome; what was never started is not told."""
        if run := self.running.get(event.job_id):
            number, attempt, worker = run
            self.log.write("lost", number, event.job_id, attempt, worker)

    def note_failed(self, event: JobRaised) -> None:
        """Say that a run has failed."""
        number, attempt, worker = self.running[event.context.job_id]
        self.log.write("failed", number, event.context.job_id, attempt, worker)


def build(url: str, log: EffectLog, **settings: Any) -> Soniq:
    """Return an app whose tasks tell the log what they do."""
    app, tasks = Soniq(url, **settings), Tasks(url, log)
    app.job(name="chaos.work", retries=RETRIES)(tasks.work)
    app.job(name="chaos.charge", retries=RETRIES)(tasks.charge)
    app.job(name="chaos.charge_plainly", retries=RETRIES)(tasks.charge_plainly)
    app.job(name="chaos.block", retries=RETRIES)(tasks.block)
    app.job(name="chaos.die", retries=RETRIES)(tasks.die)
    app.job(name="chaos.fail", retries=0)(tasks.fail)
    app.events.on(LeaseLost, tasks.note_lost)
    app.events.on(JobRaised, tasks.note_failed)
    return app
