"""Open event streams, as open tabs do, and see when they hear of a change and what they cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from bench.measure import cpu_seconds
from bench.pages.ask import Client
from bench.run import Figures

# A connection ends with its answer: where that does is then plain.
FOLLOW = b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n"
LOAD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nHX-Request: true\r\n\r\n"
PATIENCE = 30.0
Change = Callable[[], Awaitable[None]]


@asynccontextmanager
async def asked(port: int, request: bytes) -> AsyncGenerator[asyncio.StreamReader]:
    """Send a request over a connection of its own; give what the answer is read from."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        yield reader
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


class Tab:
    """A stream that is followed for as long as the tab is open.

    ``loads``: what it hears makes it ask for its page anew, as browsers do.
    """

    def __init__(self, port: int, *, loads: bool) -> None:
        self._port = port
        self._loads = loads
        # A header: with it a stream begins with what has happened meanwhile.
        self._seen = b""
        # The server ends a stream after a while, and says when to ask for it anew.
        self._again = 0.0
        self.open = asyncio.Event()
        self.heard = asyncio.Event()
        self.at = 0.0

    async def follow(self) -> None:
        """Read events, and note when the last one came that tells of queues."""
        while True:
            with contextlib.suppress(ConnectionError):
                async with asked(self._port, FOLLOW % self._seen) as reader:
                    await self._read(reader)
            await asyncio.sleep(self._again)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"retry:"):
                self._again = int(line[6:]) / 1000
                self.open.set()
            elif line.startswith(b"id:"):
                self._seen = b"Last-Event-ID:%s\r\n" % line[3:].rstrip()
            elif line.startswith(b"data:") and "standings" in json.loads(line[5:])["changed"]:
                if self._loads:
                    async with asked(self._port, LOAD) as page:
                        await page.read()
                self.at = time.perf_counter()
                self.heard.set()


@asynccontextmanager
async def tabs(port: int, number: int, *, loads: bool = False) -> AsyncGenerator[list[Tab]]:
    """Open so many tabs, and close them afterwards."""
    opened = [Tab(port, loads=loads) for _ in range(number)]
    following = [asyncio.create_task(tab.follow()) for tab in opened]
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(tab.open.wait() for tab in opened))
        yield opened
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


async def watched(
    port: int,
    pid: int,
    number: int,
    *,
    loads: bool,
    seconds: float,
    changes: int,
    change: Change,
) -> list[Figures]:
    """Return what so many tabs cost while nothing changes, and when they hear of each change."""
    async with tabs(port, number, loads=loads) as opened:
        await asyncio.sleep(min(seconds, 2.0))  # what they have missed before they were open
        before, cpu, began = statements(port), cpu_seconds(pid), time.perf_counter()
        await asyncio.sleep(seconds)
        passed = time.perf_counter() - began
        cost = {
            "statements_per_s": (statements(port) - before) / passed,
            "server_cpu_percent": 100 * (cpu_seconds(pid) - cpu) / passed,
        }
        runs = [await delay(opened, change, pause=index / changes) for index in range(changes)]
    runs[0] |= cost
    return runs


def statements(port: int) -> int:
    """Return how many statements the server has run."""
    client = Client(port)  # the server hangs up on whoever is silent for seconds
    counted = client.statements()
    client.close()
    return counted


async def delay(opened: list[Tab], change: Change, *, pause: float) -> Figures:
    """Return how long after a change the first and the last tab have heard of it.

    ``pause``: seconds to wait before, so that changes fall on all moments between two looks.
    """
    await asyncio.sleep(1 + pause)
    for tab in opened:
        tab.heard.clear()
    began = time.perf_counter()
    await change()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(tab.heard.wait() for tab in opened))
    heard = [(tab.at - began) * 1000 for tab in opened]
    return {"last_ms": max(heard), "first_heard_ms": min(heard)}
