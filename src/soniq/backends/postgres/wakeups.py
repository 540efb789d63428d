"""Rouse idle workers of other processes by NOTIFY, and be roused by LISTEN."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field

import asyncpg

from soniq.backends.bells import serves
from soniq.backends.contract import Queues
from soniq.backends.postgres.departures import Departures
from soniq.backends.postgres.pool import Database
from soniq.clock import Clock
from soniq.errors import DatabaseError

logger = logging.getLogger("soniq.postgres")

# The payload is the name of a queue. wakeups/wake names the channel too.
CHANNEL = "soniq_jobs"
FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
FLUSH_TIMEOUT = 1.0
# Between two statements: who enqueues without pause shall not pay for a wake-up each time.
FIRST_GAP, LONGEST_GAP = 0.001, 0.004
# A connection can die without a word (a router that forgets it): only a question shows it.
PROBE_SECONDS, PROBE_TIMEOUT = 15.0, 5.0
# How long the first wait gives the listener to connect, however short its own timeout is.
FIRST_TRY = 1.0


class PostgresWakeups:
    """Listens on a connection of its own from the first ``wait`` on; sends through the pool."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._mailbox = Mailbox()
        self._listening = False
        self._told = False
        self._tried = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._unsent: set[str] = set()
        self._sender: asyncio.Task[None] | None = None
        self._departures = Departures(self.call)

    async def wake(self, queues: Collection[str]) -> None:
        """Rouse those who wait for any of these queues; returns before they are told."""
        self.call(queues)

    def call(self, queues: Collection[str]) -> None:
        """Call out the queues.

        The first call is sent at once; those that follow within milliseconds share a statement.
        """
        if not self._listening:
            self._mailbox.deliver(queues)  # no message of ours would come back to this process
        self._unsent.update(queues)
        if self._unsent and self._sender is None:
            self._sender = asyncio.create_task(self._send())

    @property
    def at_once(self) -> bool:
        """Whether the next call would be sent without delay: none was sent a moment ago."""
        return self._sender is None and not self._db.pooled

    def called(self, queues: Collection[str]) -> None:
        """Take note that a statement has called these queues out: the next calls are held back."""
        if not self._listening:
            self._mailbox.deliver(queues)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    def rouse(self, queues: Collection[str]) -> None:
        """Rouse those of this process alone who wait for any of these queues."""
        self._mailbox.deliver(queues)

    def wake_after(self, connection: object, queues: Collection[str]) -> None:
        """Rouse them as soon as ``connection`` has left its transaction.

        While wake-ups are held back anyway, a few milliseconds later.
        """
        self._departures.note(connection, queues, promptly=self._sender is None)

    @property
    def prompt(self) -> bool:
        """Whether this process listens at present."""
        return self._listening

    async def wait(self, queues: Queues, timeout: float) -> Collection[str]:
        """Return when woken, also since the last ``wait``, or after ``timeout`` seconds.

        The first wait returns as soon as it listens: what was called out before, nobody heard.
        The answer are the queues that were called out, all of them; none where that is not known.
        """
        if self._db.pooled:
            self._say_that_nobody_calls()
        elif self._listener is None:
            self._tried = asyncio.Event()
            self._listener = asyncio.create_task(self._listen())
            if await passes(self._tried, max(timeout, FIRST_TRY)) and self._listening:
                return ()
        return await self._mailbox.wait(queues, timeout)

    async def close(self) -> None:
        """Stop listening; send what is still unsent, for up to a second."""
        self._departures.tell()
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=FLUSH_TIMEOUT)
        tasks = [task for task in (self._listener, self._sender) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener = self._sender = None
        self._unsent.clear()
        self._departures.forget()

    def forget(self) -> None:
        """Drop tasks whose event loop is dead."""
        self._mailbox = Mailbox()
        self._listening = False
        self._listener = self._sender = None
        self._unsent.clear()
        self._departures.forget()

    def _say_that_nobody_calls(self) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "PostgreSQL at %s is reached through a connection pooler, which passes on no "
                "wake-ups: idle workers look for jobs every poll_interval. For jobs that start "
                "within milliseconds give workers a database_url that goes past the pooler.",
                self._db.target.place,
            )

    async def _send(self) -> None:
        gap = FIRST_GAP
        try:
            while True:
                queues, self._unsent = sorted(self._unsent), set()
                if queues:
                    await self._db.fetch("wakeups/wake", queues)
                await asyncio.sleep(gap)
                gap = min(gap * 2, LONGEST_GAP)
                self._departures.look()
                if not self._unsent and not self._departures.looking:
                    return
        except (DatabaseError, asyncpg.PostgresError) as error:
            logger.debug("Wake-up not sent, workers will poll: %s", error)
            self._departures.watch()
        finally:
            self._sender = None

    async def _listen(self) -> None:
        """Keep listening for ever: whatever ends a connection, another one is made."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen_until_lost()
                pause = FIRST_PAUSE
            except FAILURES as error:
                logger.debug("Can't listen for wake-ups, polling instead: %s", error)
            self._tried.set()
            await asyncio.sleep(pause * (0.5 + self._clock.random()))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen_until_lost(self) -> None:
        connection = await self._db.connect(application_name="soniq-listen")
        lost = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(
                CHANNEL, lambda _connection, _pid, _channel, queue: self._heard(queue)
            )
            self._listening = True
            # Somebody may have called while nobody listened: let all look once, and whoever waits
            # next if nobody does now. (The very first wait is told by its return.)
            self._mailbox.deliver_all(keep=self._tried.is_set())
            self._tried.set()
            while not await passes(lost, PROBE_SECONDS):
                await connection.execute("SELECT 1", timeout=PROBE_TIMEOUT)
        finally:
            self._listening = False
            connection.terminate()

    def _heard(self, queue: object) -> None:
        self._mailbox.deliver([str(queue)])


@dataclass(eq=False, slots=True)
class Sleeper:
    """Somebody who waits for queues, and those of them that were called out meanwhile."""

    queues: Queues
    roused: asyncio.Future[None]
    called: set[str] = field(default_factory=set[str])
    # Somebody may have called for any queue.
    any_called: bool = False

    def rouse(self) -> None:
        """End the wait; twice is harmless."""
        if not self.roused.done():
            self.roused.set_result(None)


class Mailbox:
    """Hands wake-ups to those who wait, and keeps those that come while nobody does."""

    def __init__(self) -> None:
        self._kept: set[str] = set()
        self._kept_for_all = False
        self._sleepers: set[Sleeper] = set()

    def deliver(self, queues: Collection[str]) -> None:
        """Rouse all who wait for one of the queues; keep the names that nobody waits for."""
        for queue in queues:
            listeners = [one for one in self._sleepers if serves(one.queues, queue)]
            for sleeper in listeners:
                sleeper.called.add(queue)
                sleeper.rouse()
            if not listeners:
                self._kept.add(queue)

    def deliver_all(self, *, keep: bool) -> None:
        """Rouse all who wait, whatever for; ``keep``: if nobody does, whoever waits next."""
        self._kept_for_all = keep and not self._sleepers
        for sleeper in self._sleepers:
            sleeper.any_called = True
            sleeper.rouse()

    async def wait(self, queues: Queues, timeout: float) -> Collection[str]:
        """Return at once if something is kept for these queues, else when roused or too late.

        The answer are the queues that were called out, none where it may be any.
        """
        kept = {queue for queue in self._kept if serves(queues, queue)}
        if kept or self._kept_for_all:
            self._kept -= kept
            any_called, self._kept_for_all = self._kept_for_all, False
            return () if any_called else kept
        loop = asyncio.get_running_loop()
        sleeper = Sleeper(queues, loop.create_future())
        self._sleepers.add(sleeper)
        alarm = loop.call_later(timeout, sleeper.rouse)
        try:
            await sleeper.roused
        finally:
            alarm.cancel()
            self._sleepers.remove(sleeper)
        return () if sleeper.any_called else sleeper.called


async def passes(event: asyncio.Event, timeout: float) -> bool:
    """Wait for an event; tell whether it came within ``timeout`` seconds."""
    try:
        async with asyncio.timeout(timeout):
            return await event.wait()
    except TimeoutError:
        return False
