"""The commands that each adapter carries out, and how it talks with the bench.

python -m bench.peers.NAME COMMAND '{"url": "…", "jobs": 1000}'

Standard output carries JSON lines, one for each event; before what is measured (``ready``) and
after it (``done``) the adapter waits for a line on standard input, so that the bench can look at
clocks and counters while nothing moves. Only Python's own library is used here: adapters run in
the environments of their peers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
import threading
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.peers.tally import VARIABLE, Tally, hit

COMMANDS = ("setup", "one", "concurrent", "bulk", "within", "latency", "worker")
WATCH_SECONDS = 0.005
# Between two enqueues of a latency run: an idle worker, and no beat that it could fall in with.
LEAST_PAUSE, MOST_PAUSE = 0.010, 0.020

# Some workers put a stream of their own in its place.
OUT = sys.stdout

Handler = Callable[[int], Any]


class Adapter:
    """One system. An adapter defines all methods that raise here, and the others where it can."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        self.parameters = parameters
        self.url: str = parameters.get("url", "")
        self.concurrency: int | None = parameters.get("concurrency")

    async def setup(self) -> None:
        """Make an empty queue."""
        raise NotImplementedError

    async def open(self) -> None:
        """Connect as a producer."""

    async def close(self) -> None:
        """Disconnect."""

    async def enqueue(self, number: int) -> None:
        """Enqueue the job of that number; return when the system says that it has it."""
        raise NotImplementedError

    async def enqueue_many(self, numbers: range) -> None:
        """Enqueue many jobs in the best way that the system has for it."""
        for number in numbers:
            await self.enqueue(number)

    async def enqueue_within(self, connection: Any, number: int) -> None:
        """Enqueue in the transaction of an asyncpg connection."""
        raise NotImplementedError

    async def connect(self) -> Any:
        """Return a connection of the caller's own, for ``enqueue_within``."""
        import asyncpg  # noqa: PLC0415 - only where the peer has it

        return await asyncpg.connect(self.url)

    async def pending(self) -> bool:
        """Tell whether a job is not settled; called in a loop of its own."""
        raise NotImplementedError

    async def work(self, handler: Handler) -> None:
        """Run jobs until killed; the system's defaults, but for ``self.concurrency`` if given."""
        raise NotImplementedError

    def run(self, main: Callable[[], Awaitable[None]]) -> None:
        """Run a coroutine function in the event loop that the system is run in."""

        async def awaited() -> None:
            await main()

        asyncio.run(awaited())

    # --- what differs for few ---------------------------------------------------------------------

    def work_blocking(self, handler: Handler) -> None:
        """Run jobs until killed, in the main thread."""
        self.run(lambda: self.work(handler))

    async def enqueue_concurrently(self, jobs: int, tasks: int) -> None:
        """Enqueue from many tasks at once, each one job at a time."""

        async def some(first: int) -> None:
            for number in range(first, jobs, tasks):
                await self.enqueue(number)

        await asyncio.gather(*map(some, range(tasks)))


# --- talking --------------------------------------------------------------------------------------


def say(event: str, **more: Any) -> None:
    """Tell the bench."""
    OUT.write(json.dumps({"event": event, **more}) + "\n")
    OUT.flush()


def wait_for_go() -> None:
    """Wait until the bench has looked at its counters; end with it."""
    if not sys.stdin.readline():
        os._exit(1)


@contextlib.asynccontextmanager
async def measured(jobs: int) -> AsyncGenerator[dict[str, Any]]:
    """Let the bench look before and after the body; tell the seconds in between."""
    say("ready")
    await asyncio.to_thread(wait_for_go)
    more: dict[str, Any] = {}
    started = time.monotonic()
    yield more
    seconds = time.monotonic() - started
    say("done", jobs=jobs, seconds=seconds, **more)
    # The loop turns on: a wake-up for the last job may still be on its way.
    await asyncio.to_thread(wait_for_go)


# --- commands -------------------------------------------------------------------------------------


async def produce(adapter: Adapter, command: str) -> None:
    """Carry out a command of a producer."""
    jobs: int = adapter.parameters["jobs"]
    await adapter.open()
    if command == "within":
        await produce_within(adapter, jobs, adapter.parameters["clients"])
        return
    if adapter.parameters.get("warm", True):
        await adapter.enqueue(jobs)  # connects, prepares statements
    if command == "latency":
        await produce_slowly(adapter, jobs)
        return
    async with measured(jobs):
        if command == "one":
            for number in range(jobs):
                await adapter.enqueue(number)
        elif command == "concurrent":
            await adapter.enqueue_concurrently(jobs, adapter.parameters["tasks"])
        else:
            await adapter.enqueue_many(range(jobs))


async def produce_within(adapter: Adapter, jobs: int, clients: int) -> None:
    """Enqueue by many clients, each in transactions of its own, one job in each."""
    connections = [await adapter.connect() for _ in range(clients)]

    async def client(first: int) -> None:
        connection = connections[first]
        for number in range(first, jobs, clients):
            async with connection.transaction():
                await adapter.enqueue_within(connection, number)

    async with measured(jobs):
        await asyncio.gather(*map(client, range(clients)))


async def produce_slowly(adapter: Adapter, jobs: int) -> None:
    """Enqueue one job now and then, or so many a second (``rate``); tell when each call began.

    With ``within``, each is enqueued in a transaction of the caller's, and the time is that at
    which its commit was asked for.
    """
    within: bool = adapter.parameters.get("within", False)
    connection = await adapter.connect() if within else None
    chance = random.Random(4711)  # noqa: S311 - pauses are no secret
    called: list[float] = []
    async with measured(jobs) as more:
        started, rate = time.monotonic(), adapter.parameters.get("rate")
        for number in range(jobs):
            if rate:
                await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            else:
                await asyncio.sleep(chance.uniform(LEAST_PAUSE, MOST_PAUSE))
            if connection is None:
                called.append(time.monotonic())
                await adapter.enqueue(number)
                continue
            transaction = connection.transaction()
            await transaction.start()
            await adapter.enqueue_within(connection, number)
            called.append(time.monotonic())
            await transaction.commit()
        more["called"] = called


def work(adapter: Adapter) -> None:
    """Run jobs until the bench has seen all that it wants to see."""
    pause: float = adapter.parameters.get("sleep", 0.0)

    async def nothing(number: int) -> None:
        hit(number)

    async def sleep(number: int) -> None:
        hit(number)
        await asyncio.sleep(pause)

    if not adapter.parameters.get("prefill"):
        begin(adapter)
    adapter.work_blocking(sleep if pause else nothing)


def begin(adapter: Adapter) -> None:
    """Begin what is measured; called by an adapter whose worker fills its own queue before.

    A thread then tells when so many handlers have run and all jobs are settled.
    """
    say("ready")
    wait_for_go()
    jobs: int | None = adapter.parameters.get("jobs")
    if jobs is None:
        return
    tally = Tally(Path(os.environ[VARIABLE]))

    async def settled() -> None:
        part: bool = adapter.parameters.get("part", False)  # of a queue: it does not run empty
        while tally.total() < jobs or (not part and await adapter.pending()):  # noqa: ASYNC110
            await asyncio.sleep(WATCH_SECONDS)

    def wait() -> None:
        try:
            asyncio.run(settled())
        except Exception:  # noqa: BLE001 - without a word the bench would wait for nothing
            traceback.print_exc()
            os._exit(1)
        say("done", jobs=jobs, settled=time.monotonic(), runs=tally.total())
        wait_for_go()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main(kind: Callable[[dict[str, Any]], Adapter]) -> None:
    """Carry out the command of the command line."""
    command = sys.argv[1]
    if command not in COMMANDS:
        sys.exit(f"Unknown command {command!r}: it is one of {', '.join(COMMANDS)}.")
    adapter = kind(json.loads(sys.argv[2]))
    if command == "setup":
        adapter.run(adapter.setup)
        say("done")
    elif command == "worker":
        work(adapter)
    else:
        adapter.run(lambda: produce(adapter, command))
