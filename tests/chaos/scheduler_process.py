"""One scheduler as a process: ``python -m tests.chaos.scheduler_process``.

It declares a schedule that fires every second and forgives nothing: each tick must have its job.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from soniq import Soniq
from soniq.backends import sqltext

SABOTAGE = "SABOTAGE"
# What makes a tick fire once: the row as it was planned for, the lock, the tick on record.
GUARDS = {
    "AND schedule.revision = move.revision": "",
    "AND schedule.next_at = move.due": "",
    "FOR UPDATE OF schedule SKIP LOCKED": "",
    "WHERE before.name = tick.name AND before.tick_at = tick.tick_at": "WHERE false",
    "RETURNING name, tick_at, job_id": "ON CONFLICT DO NOTHING RETURNING name, tick_at, job_id",
}

app = Soniq()


@app.periodic(every=1, name="beat", missed="all")
async def beat() -> None:
    """Do nothing; no worker runs it."""


def without_guards() -> None:
    """Fire whatever was planned, however often it was fired before."""
    honest = sqltext.read

    def read(folder: Path, verb: str) -> str:
        text = honest(folder, verb)
        for guard, nothing in GUARDS.items() if verb == "schedules/fire" else ():
            assert guard in text, guard
            text = text.replace(guard, nothing)
        return text

    sqltext.read = read  # type: ignore[assignment]


if __name__ == "__main__":
    if os.environ.get(SABOTAGE):
        without_guards()
    asyncio.run(app.run_scheduler(handle_signals=True))
