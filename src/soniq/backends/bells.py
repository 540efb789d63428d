"""Wake-ups inside one process: a bell for each handle, all bells of one database rung together.

Handles live in different threads and event loops, so everything here may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Collection, Generator
from dataclasses import dataclass, field

from soniq.backends.contract import SCHEDULE_CHANGES, Queues


@dataclass(eq=False, slots=True)
class Sleeper:
    """Somebody who waits for work on some queues."""

    queues: Queues
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def hears(self, queues: Collection[str]) -> bool:
        """Tell whether it waits for any of the queues."""
        return bool(matching(self.queues, queues))

    async def sleep(self, seconds: float) -> None:
        """Return when woken, or after that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.woken.wait()

    def rouse(self) -> None:
        """Wake it, whatever thread this is."""
        # A loop that was closed under its sleeper has nobody left to rouse.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.woken.set)


def matching(wanted: Queues, queues: Collection[str]) -> set[str]:
    """Return those of ``queues`` that someone who serves ``wanted`` cares about."""
    return {queue for queue in queues if serves(wanted, queue)}


def serves(wanted: Queues, queue: str) -> bool:
    """Tell whether someone who waits for ``wanted`` cares about a queue."""
    return queue != SCHEDULE_CHANGES if wanted is None else queue in wanted


class Bell:
    """What one handle has been woken for and not yet heard."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rung: set[str] = set()
        self._sleepers: list[Sleeper] = []

    def ring(self, queues: Collection[str]) -> None:
        """Rouse those who wait for the queues, and remember it for who waits next."""
        with self._lock:
            self._rung.update(queues)
            roused = [sleeper for sleeper in self._sleepers if sleeper.hears(queues)]
        for sleeper in roused:
            sleeper.rouse()

    def heard(self, queues: Queues) -> bool:
        """Tell whether it was rung for the queues since the last time, and forget it."""
        with self._lock:
            rung = matching(queues, self._rung)
            self._rung -= rung
        return bool(rung)

    @contextlib.contextmanager
    def listening(self, queues: Queues) -> Generator[Sleeper]:
        """Within the block the sleeper is woken by each ring for the queues.

        It is awake from the start when there was a ring that nobody has heard yet.
        """
        sleeper = Sleeper(queues, asyncio.get_running_loop())
        with self._lock:
            self._sleepers.append(sleeper)
        try:
            # Listening comes first: a ring between the look and the sleep must not be missed.
            if self.heard(queues):
                sleeper.woken.set()
            yield sleeper
            self.heard(queues)
        finally:
            with self._lock:
                self._sleepers.remove(sleeper)


class Bells:
    """All bells of one database in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bells: tuple[weakref.ref[Bell], ...] = ()

    def hang(self) -> Bell:
        """Return a new bell that rings with the others for as long as someone holds it."""
        bell = Bell()
        with self._lock:
            there = (one for one in self._bells if one() is not None)
            self._bells = (*there, weakref.ref(bell))
        return bell

    def ring(self, queues: Collection[str]) -> None:
        """Ring every bell for the queues."""
        for held in self._bells:
            if (bell := held()) is not None:
                bell.ring(queues)
