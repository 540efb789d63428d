"""What pages show of the present: read once for all who look, told to them as it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from soniq.app import Soniq
from soniq.dashboard.shared import Shared
from soniq.errors import DatabaseError
from soniq.job import Worker
from soniq.repeat import repeat
from soniq.standing import QueueStanding
from soniq.stats import Summary

MOST_STREAMS = 200
# Pauses vary by a tenth. With that, a look and a page on its way, a change is seen within a second.
POLL_SECONDS = 0.8
HEARTBEAT_SECONDS = 15.0
# A server that is told to stop waits for answers to end, and a stream is an answer that never
# does. So it ends by itself and the browser asks for the next one.
STREAM_SECONDS = 30.0
# Figures of days take longer to read, and what a minute adds to them is too little to be seen.
READS_A_STEP = 20
# Whose change is told.
PARTS = ("standings", "workers", "last_hour")
# How soon the browser asks for the next one: until then it hears of nothing. It waits for longer
# each time that nobody answers.
RETRY_MILLISECONDS = 100


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand: what the overview, the queues and the workers are made of.

    The steps of ``last_hour`` are minutes.
    """

    standings: Sequence[QueueStanding]
    last_hour: Summary
    workers: Sequence[Worker]
    at: datetime


class Live:
    """One for all tabs: nothing is read twice within its time, however many ask.

    Standings change with every job; workers and figures are written every few seconds, and are
    read as seldom. With that 200 open tabs ask less than two questions a second.
    """

    def __init__(self, soniq: Soniq, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._soniq = soniq
        self._clock = soniq.clock
        self._poll_seconds = poll_seconds
        slow = 6 * poll_seconds
        # A little less than the time between two polls, so that each poll asks anew.
        self._standings = Shared(soniq.queues.list, 0.8 * poll_seconds, soniq.clock)
        self._workers = Shared(soniq.workers.list, slow, soniq.clock)
        self._last_hour = Shared(soniq.stats.summary, slow, soniq.clock)
        self._longer: dict[tuple[float, float], Shared[Summary]] = {}
        self._told: dict[str, object] = {}
        self._channel = Channel()
        self._stop: asyncio.Event | None = None
        self._poller: asyncio.Task[None] | None = None
        self.streams = 0
        self.closed = False

    async def snapshot(self) -> Snapshot:
        """Return how things stand, as of about now.

        Raises:
            DatabaseError: the database can't tell.
        """
        return Snapshot(
            standings=await self._standings.get(),
            last_hour=await self._last_hour.get(),
            workers=await self._workers.get(),
            at=self._clock.now(),
        )

    async def summary(self, *, window: float, step: float) -> Summary:
        """Return the figures of a longer while, read anew when a part of a step has passed.

        Raises:
            DatabaseError: the database can't tell.
        """
        if (window, step) not in self._longer:
            ask = partial(self._soniq.stats.summary, window=window, step=step)
            self._longer[window, step] = Shared(ask, step / READS_A_STEP, self._clock)
        return await self._longer[window, step].get()

    def forget(self) -> None:
        """Have everything read anew: somebody has just changed it, and wants to see that."""
        for shared in (self._standings, self._workers):
            shared.forget()

    @property
    def full(self) -> bool:
        """Whether as many look as may."""
        return self.streams >= MOST_STREAMS

    async def stream(self, last_id: str | None = None) -> AsyncIterator[str]:
        """Yield server-sent events until the stream's time is over, or ``close`` is called.

        ``last_id``: the last event that the browser has seen; what it has missed is made up for.
        """
        self._enter()
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n"
            until = self._clock.monotonic() + STREAM_SECONDS
            seen = self._channel.position(last_id)
            while not self.closed and (left := until - self._clock.monotonic()) > 0:
                news = await self._channel.after(seen, timeout=min(left, HEARTBEAT_SECONDS))
                if news is not None:
                    seen = news.position
                    yield news.text
                elif not self.closed:
                    yield ": still here\n\n"
        finally:
            self._leave()

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        self._channel.rouse()
        self._end_poller()

    def _enter(self) -> None:
        self.streams += 1
        if self._poller is None and not self.closed:
            self._stop = asyncio.Event()
            self._poller = asyncio.create_task(self._poll(self._stop), name="soniq-dashboard")

    def _leave(self) -> None:
        self.streams -= 1
        if self.streams == 0:
            self._end_poller()

    def _end_poller(self) -> None:
        if self._stop is not None:
            self._stop.set()
        self._poller = self._stop = None

    async def _poll(self, stop: asyncio.Event) -> None:
        soniq = self._soniq
        await repeat(
            "dashboard", self._look, stop=stop, clock=self._clock, events=soniq.events,
            every=self._poll_seconds,
        )  # fmt: skip

    async def _look(self) -> None:
        """Tell all streams what has changed since the last look."""
        try:
            snapshot = await self.snapshot()
        except DatabaseError:
            self._channel.publish(["database"])
            return
        seen: dict[str, object] = {name: getattr(snapshot, name) for name in PARTS}
        changed = [
            name for name in PARTS if name not in self._told or seen[name] != self._told[name]
        ]
        self._told = seen
        if changed:
            self._channel.publish(changed)


@dataclass(frozen=True, slots=True)
class News:
    """An event, ready to be sent, and its place among all."""

    position: int
    text: str


class Channel:
    """The latest event, for any number of readers: whoever is late sees the latest only."""

    def __init__(self) -> None:
        self._latest = News(0, "")
        self._news = asyncio.Event()

    def position(self, last_id: str | None) -> int:
        """Return where a reader goes on who has seen ``last_id``; None: with what comes next."""
        if last_id is None:
            return self._latest.position
        return int(last_id) if last_id.isascii() and last_id.isdigit() else -1

    def publish(self, changed: Sequence[str]) -> None:
        """Tell all readers what has changed."""
        position = self._latest.position + 1
        data = json.dumps({"changed": list(changed)})
        self._latest = News(position, f"id: {position}\nevent: tick\ndata: {data}\n\n")
        self.rouse()

    def rouse(self) -> None:
        """Let all readers look."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def after(self, seen: int, *, timeout: float) -> News | None:
        """Return the latest event once it is another than ``seen``; None if roused without."""
        if seen == self._latest.position:
            news = self._news
            try:
                async with asyncio.timeout(timeout):
                    await news.wait()
            except TimeoutError:
                return None
        return None if seen == self._latest.position else self._latest
