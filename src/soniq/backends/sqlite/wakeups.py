"""Wake-ups over a SQLite file: bells within the process, a look at the file for other processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from pathlib import Path
from weakref import WeakValueDictionary

import aiosqlite

from soniq.backends.bells import Bells
from soniq.backends.contract import SCHEDULE_CHANGES, JobStore, Queues
from soniq.backends.sqlite.connection import Database

# Seconds between two looks for commits of other processes. Whoever waits for schedules to change
# has time: a pause holds from its commit on, seen or not.
LOOK_EVERY = 0.05
LOOK_FOR_CHANGES_EVERY = 1.0

# Handles in one process find each other by the file; nothing else is shared between them.
HUNG: WeakValueDictionary[Path, Bells] = WeakValueDictionary()
HUNG_LOCK = threading.Lock()


def bells_of(path: Path) -> Bells:
    """Return the bells of the file, the same for each handle in this process."""
    with HUNG_LOCK:
        return HUNG.setdefault(path.resolve(), Bells())


class SqliteWakeups:
    """Rouses the workers of this process at once, those of others within 50 ms.

    Schedulers of other processes hear of a change within a second.
    """

    def __init__(self, database: Database, jobs: JobStore) -> None:
        self._database = database
        self._jobs = jobs
        self._bells = bells_of(database.path)
        self._bell = self._bells.hang()
        # What was seen last, by those who wait for the same: a worker must not hide a commit from
        # the scheduler beside it.
        self._seen: dict[Queues, int] = {}

    async def wake(self, queues: Collection[str]) -> None:
        """Rouse those who wait for any of these queues.

        Other processes notice the commit itself.
        """
        self._bells.ring(queues)

    def wake_after(self, connection: object, queues: Collection[str]) -> None:
        """Rouse at once, but for a handler's transaction: that rings when it has committed."""
        if not in_transaction(connection):
            self._bells.ring(queues)

    @property
    def prompt(self) -> bool:
        """True: whoever waits looks at the file from time to time."""
        return True

    async def wait(self, queues: Queues, timeout: float) -> None:
        """Return when woken (also since the last ``wait``) or after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        look_every = LOOK_FOR_CHANGES_EVERY if queues == (SCHEDULE_CHANGES,) else LOOK_EVERY
        seen = self._seen.get(queues)
        with self._bell.listening(queues) as sleeper:
            while not sleeper.woken.is_set():
                self._seen[queues] = version = await self._look()
                if version != seen and await self._matters(queues):
                    return
                seen = version
                left = deadline - loop.time()
                if left <= 0:
                    return
                await sleeper.sleep(min(left, look_every))

    async def _matters(self, queues: Queues) -> bool:
        """Tell whether what another process has committed may be what someone waits for."""
        if queues == (SCHEDULE_CHANGES,):
            return True
        return await self._jobs.due_in(queues) == 0

    async def _look(self) -> int:
        """Return a number that changes whenever another connection has committed."""
        version: int
        (version,) = await self._database.read(
            lambda connection: connection.execute("PRAGMA data_version").fetchone()
        )
        return version


def in_transaction(connection: object) -> bool:
    """Tell whether this is a connection in the middle of a transaction."""
    try:
        return isinstance(connection, aiosqlite.Connection) and connection.in_transaction
    except ValueError:
        return False  # it is closed
