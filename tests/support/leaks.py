"""Find what a test has left running."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection

# Threads of asyncio.to_thread: the loop ends them after the last fixture.
LENT_BY_ASYNCIO = "asyncio_"
PATIENCE = 2.0


def leaked_threads(
    before: Collection[threading.Thread], *, patience: float = PATIENCE
) -> list[str]:
    """Return the names of threads that were not there ``before`` and do not end in time."""
    new = [thread for thread in threading.enumerate() if thread not in before]
    mine = [thread for thread in new if not thread.name.startswith(LENT_BY_ASYNCIO)]
    for thread in mine:
        thread.join(patience)
    return [thread.name for thread in mine if thread.is_alive()]


async def leaked_tasks(*, patience: float = 0.0) -> list[str]:
    """Return the tasks of this loop that are neither this one nor about to end.

    ``patience``: how many seconds they have to end, where others than those under test run here.
    """
    for _ in range(3):  # a cancelled task needs a turn or two to end
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others and patience:
        _, others = await asyncio.wait(others, timeout=patience)
    return [repr(task) for task in others]
