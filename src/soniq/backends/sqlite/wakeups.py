"""Wake-ups over a SQLite file: bells, pipes to other processes, and now and then a look at it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from weakref import WeakValueDictionary

import aiosqlite

from soniq.backends.contract import SCHEDULE_CHANGES, JobStore, Queues
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.doorbells import Doorbell, Doorbells

# Seconds between two looks for commits of other processes, where these can't ring.
LOOK_EVERY = 0.05
# Where they can, it is only for those who don't: who writes by hand, who was killed before it rang.
LOOK_SELDOM = 1.0

# Handles in one process find each other by the file; nothing else is shared between them.
HUNG: WeakValueDictionary[Path, Doorbells] = WeakValueDictionary()
HUNG_LOCK = threading.Lock()


def bells_of(path: Path) -> Doorbells:
    """Return the bells of the file, the same for each handle in this process."""
    place = path.resolve()
    with HUNG_LOCK:
        return HUNG.setdefault(place, Doorbells(place))


class SqliteWakeups:
    """Rouses workers at once, in this process and in others.

    A commit that nobody has rung for is noticed within a second; within 50 ms where there can be no
    pipes.
    """

    def __init__(self, database: Database, jobs: JobStore) -> None:
        self._database = database
        self._jobs = jobs
        self._bells = bells_of(database.path)
        self._bell = self._bells.hang()
        self._doorbell: Doorbell | None = None
        self._is_out = False
        # What was seen last, by those who wait for the same: a worker must not hide a commit from
        # the scheduler beside it.
        self._seen: dict[Queues, int] = {}

    async def wake(self, queues: Collection[str]) -> None:
        """Rouse those who wait for any of these queues."""
        self._bells.ring(queues)

    def wake_after(self, connection: object, queues: Collection[str]) -> None:
        """Rouse at once, but for a handler's transaction: that rings when it has committed."""
        if not in_transaction(connection):
            self._bells.ring(queues)

    @property
    def prompt(self) -> bool:
        """True: whoever waits looks at the file from time to time."""
        return True

    async def wait(self, queues: Queues, timeout: float) -> Collection[str]:
        """Return when woken (also since the last ``wait``) or after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        seen = self._seen.get(queues)
        with self._heard() as rung, self._bell.listening(queues) as sleeper:
            while not sleeper.woken.is_set():
                self._seen[queues] = version = await self._look()
                if version != seen and await self._matters(queues):
                    break
                seen = version
                left = deadline - loop.time()
                if left <= 0:
                    break
                await sleeper.sleep(min(left, LOOK_SELDOM if rung else LOOK_EVERY))
        return ()

    def forget(self) -> None:
        """Leave the pipe to the process that this one was forked from."""
        if self._doorbell is not None and self._doorbell.is_inherited:
            self.close()

    def close(self) -> None:
        """Take the pipe down; the next ``wait`` makes a new one."""
        doorbell, self._doorbell, self._is_out = self._doorbell, None, False
        if doorbell is not None:
            doorbell.take_down()

    def _heard(self) -> AbstractContextManager[object]:
        """Listen for other processes; a false value where they can't ring."""
        if not self._is_out:
            self._is_out, self._doorbell = True, self._bells.hang_out()
        return self._doorbell.heard(self._bell.ring) if self._doorbell else nullcontext()

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
