"""What pages show of the present: read once for all who look, told to them as it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from soniq.app import Soniq
from soniq.dashboard.shared import Shared
from soniq.errors import DatabaseError
from soniq.job import Job, Worker
from soniq.repeat import repeat
from soniq.standing import QueueStanding
from soniq.stats import Summary

MOST_STREAMS = 200
# Pauses vary by a tenth. With that, a look and a page on its way, a change is seen within a second.
POLL_SECONDS = 0.6
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
# Digits in the number of an event: more than there ever are.
LONGEST_ID = 18


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand: what the overview, the queues and the workers are made of.

    The steps of ``last_hour`` are minutes. ``position``: of the last event that had been told.
    """

    standings: Sequence[QueueStanding]
    last_hour: Summary
    workers: Sequence[Worker]
    at: datetime
    position: int


class Live:
    """One for all tabs: nothing is read twice within its time, however many ask.

    Standings change with every job; workers and figures are written every few seconds, and are
    read as seldom. With that 200 open tabs ask about two questions a second.
    """

    def __init__(self, soniq: Soniq, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._soniq = soniq
        self._clock = soniq.clock
        self._poll_seconds = poll_seconds
        slow = 8 * poll_seconds
        # A little less than the time between two polls, so that each poll asks anew.
        self._standings = Shared(soniq.queues.list, 0.8 * poll_seconds, soniq.clock)
        self._workers = Shared(soniq.workers.list, slow, soniq.clock)
        self._last_hour = Shared(soniq.stats.summary, slow, soniq.clock)
        self._longer: dict[tuple[float, float], Shared[Summary]] = {}
        self._told: dict[str, object] = {}
        self._channel = Channel()
        self._watched: dict[str, Watched] = {}
        self._stop: asyncio.Event | None = None
        self._poller: asyncio.Task[None] | None = None
        self.streams = 0
        self.closed = False

    async def snapshot(self) -> Snapshot:
        """Return how things stand, as of about now.

        Raises:
            DatabaseError: the database can't tell.
        """
        position = self.position()
        return Snapshot(
            position=position,
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

    def position(self, job: str | None = None) -> int:
        """Return how far streams are, or those of a job: what is read now goes on from there."""
        if job is None:
            return self._channel.latest.position
        return self._watched[job].channel.latest.position if job in self._watched else 0

    def forget(self) -> None:
        """Have everything read anew: somebody has just changed it, and wants to see that."""
        for shared in (self._standings, self._workers):
            shared.forget()

    @property
    def full(self) -> bool:
        """Whether as many look as may."""
        return self.streams >= MOST_STREAMS

    async def stream(
        self, last_id: str | None = None, *, job: str | None = None
    ) -> AsyncIterator[str]:
        """Yield server-sent events until the stream's time is over, or ``close`` is called.

        ``last_id``: the last event that the browser has seen, or that its page knows of; what it
        has missed is made up for.
        ``job``: the id of the only job whose changes are to be told, instead of how things stand.
        """
        channel = self._enter(job)
        try:
            yield f"retry: {RETRY_MILLISECONDS}\n\n"
            until = self._clock.monotonic() + STREAM_SECONDS
            seen = channel.position(last_id)
            while not self.closed and (left := until - self._clock.monotonic()) > 0:
                news = await channel.after(seen, timeout=min(left, HEARTBEAT_SECONDS))
                if news is not None:
                    seen = news.position
                    yield news.text
                elif not self.closed:
                    yield ": still here\n\n"
        finally:
            self._leave(job)

    def close(self) -> None:
        """End all streams."""
        self.closed = True
        for channel in self._channels():
            channel.rouse()
        self._end_poller()

    def _enter(self, job: str | None) -> Channel:
        """Count one more who looks; return where they are told."""
        self._begin_poller()
        self.streams += 1
        if job is None:
            return self._channel
        watched = self._watched.setdefault(job, Watched())
        watched.streams += 1
        return watched.channel

    def _leave(self, job: str | None) -> None:
        self.streams -= 1
        if self.streams == 0:
            self._end_poller()
        if job is not None:
            watched = self._watched[job]
            watched.streams -= 1
            if watched.streams == 0:
                del self._watched[job]

    def _channels(self) -> list[Channel]:
        return [self._channel, *(watched.channel for watched in self._watched.values())]

    def _begin_poller(self) -> None:
        if self._poller is None and not self.closed:
            self._stop = asyncio.Event()
            self._poller = asyncio.create_task(self._poll(self._stop), name="soniq-dashboard")

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
            if self.streams > sum(watched.streams for watched in self._watched.values()):
                await self._look_at_all()
            if self._watched:
                await self._look_at_jobs()
        except DatabaseError:
            for channel in self._channels():
                channel.publish(["database"])

    async def _look_at_all(self) -> None:
        snapshot = await self.snapshot()
        seen: dict[str, object] = {name: getattr(snapshot, name) for name in PARTS}
        changed = [
            name for name in PARTS if name not in self._told or seen[name] != self._told[name]
        ]
        self._told = seen
        if changed:
            self._channel.publish(changed)

    async def _look_at_jobs(self) -> None:
        """Look at all jobs that somebody has open, by one statement."""
        ids = list(self._watched)
        found = {job.id: job for job in await self._soniq.jobs.get_many(ids)}
        for job_id in ids:
            if job_id in self._watched:  # nobody has closed it meanwhile
                self._watched[job_id].see(found.get(job_id))


@dataclass(frozen=True, slots=True)
class News:
    """An event, ready to be sent, and its place among all."""

    position: int
    text: str


class Channel:
    """The latest event, for any number of readers: whoever is late sees the latest only."""

    def __init__(self) -> None:
        self.latest = News(0, "")
        self._news = asyncio.Event()

    def position(self, last_id: str | None) -> int:
        """Return where a reader goes on who has seen ``last_id``; None: with what comes next."""
        if last_id is None:
            return self.latest.position
        known = last_id.isascii() and last_id.isdigit() and len(last_id) <= LONGEST_ID
        return int(last_id) if known else -1

    def publish(self, changed: Sequence[str]) -> None:
        """Tell all readers what has changed."""
        position = self.latest.position + 1
        data = json.dumps({"changed": list(changed)})
        self.latest = News(position, f"id: {position}\nevent: tick\ndata: {data}\n\n")
        self.rouse()

    def rouse(self) -> None:
        """Let all readers look."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def after(self, seen: int, *, timeout: float) -> News | None:
        """Return the latest event once it is another than ``seen``; None if roused without."""
        if seen == self.latest.position:
            news = self._news
            try:
                async with asyncio.timeout(timeout):
                    await news.wait()
            except TimeoutError:
                return None
        return None if seen == self.latest.position else self.latest


@dataclass(slots=True)
class Watched:
    """A job that somebody has open, and how it stood when it was looked at last."""

    channel: Channel = field(default_factory=Channel)
    streams: int = 0
    stood: object = "not looked at"

    def see(self, job: Job | None) -> None:
        """Tell whoever looks if the job stands otherwise than before; that it is gone, too."""
        stands = job and (
            job.status,
            job.attempts,
            job.started_at,
            job.scheduled_at,
            job.finished_at,
        )
        if stands != self.stood:
            self.stood = stands
            self.channel.publish(["job"])
