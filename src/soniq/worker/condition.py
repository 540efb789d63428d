"""How a worker does, for those who look at it from other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from soniq.backends.contract import Wakeups
from soniq.worker.heartbeat import Heartbeat
from soniq.worker.inflight import Inflight
from soniq.worker.shutdown import Shutdown


class Condition:
    """What ``soniq.events.RunningWorker`` promises. ``loops`` are the tasks that shall not end."""

    def __init__(
        self, inflight: Inflight, wakeups: Wakeups, heartbeat: Heartbeat, shutdown: Shutdown
    ) -> None:
        self.concurrency = inflight.concurrency
        self.ended = False
        self.loops: Sequence[asyncio.Task[None]] = ()
        self._inflight = inflight
        self._wakeups = wakeups
        self._heartbeat = heartbeat
        self._shutdown = shutdown

    @property
    def running(self) -> int:
        """How many handlers it runs now."""
        return self._inflight.running

    @property
    def listening(self) -> bool:
        """Whether it is roused by others at once."""
        return self._wakeups.prompt

    @property
    def broken(self) -> tuple[str, ...]:
        """The names of its loops that have ended although it is to go on."""
        if self.ended or self._shutdown.draining.is_set():
            return ()
        names = [task.get_name().removeprefix("soniq ") for task in self.loops if task.done()]
        return (*names, *(() if self._heartbeat.beats else ("heartbeat",)))
