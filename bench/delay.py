"""A network between a client and a server of this host: a TCP proxy that delays what it carries.

python -m bench.delay serve '{"url": "postgresql://…", "round_trip_ms": 5}'

Half of the round trip is spent each way. Everything that is read is queued with the time at which
it is due, so bytes wait for their time and never for each other: the link is long, not narrow. It
runs in a process of its own, whose processor time is nobody's cost.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys
from collections import deque
from typing import Any
from urllib.parse import urlsplit

HOST = "127.0.0.1"


class End(asyncio.Protocol):
    """One end of a link; what it reads comes out at the other end when it is due."""

    def __init__(self, delay: float, other: End | None = None) -> None:
        self.other = other
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        # None stands for the end of the stream.
        self._due: deque[tuple[float, bytes | None]] = deque()
        self._armed = False

    def connection_made(self, transport: Any) -> None:
        """Let out what has come for this end before it was there."""
        self._transport = transport
        self._let_out()

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the other end, which writes them when they are due."""
        if self.other is not None:
            self.other.take(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - of the protocol
        """Close the other end when everything that came before has been written."""
        if self.other is not None:
            self.other.take(None)

    def take(self, data: bytes | None) -> None:
        """Queue what the other end has read."""
        self._due.append((self._loop.time() + self._delay, data))
        if not self._armed:
            self._arm()

    def _arm(self) -> None:
        self._armed = True
        self._loop.call_at(self._due[0][0], self._let_out)

    def _let_out(self) -> None:
        self._armed = False
        if self._transport is None:
            return
        now = self._loop.time()
        while self._due and self._due[0][0] <= now:
            data = self._due.popleft()[1]
            if data is None:
                self._transport.close()
                return
            self._transport.write(data)
        if self._due:
            self._arm()


async def serve(host: str, port: int, delay: float) -> None:
    """Listen on a free port, tell it, and carry until killed."""
    loop = asyncio.get_running_loop()
    dialing: set[asyncio.Task[Any]] = set()

    async def dial(near: End, far: End) -> None:
        try:
            await loop.create_connection(lambda: far, host, port)
        except OSError:
            near.take(None)

    def accept() -> End:
        near, far = End(delay), End(delay)
        near.other, far.other = far, near
        task = loop.create_task(dial(near, far))
        dialing.add(task)
        task.add_done_callback(dialing.discard)
        return near

    server = await loop.create_server(accept, HOST, 0, backlog=1024)
    ready = {"event": "ready", "port": server.sockets[0].getsockname()[1]}
    print(json.dumps(ready), flush=True)
    await server.serve_forever()


def precise_loop() -> asyncio.AbstractEventLoop:
    """Return a loop that wakes to the fraction of a millisecond; epoll rounds up to whole ones.

    It looks at no more than 1,024 sockets: 500 connections.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def main() -> None:
    """Carry between a free port and the server of the URL."""
    given = json.loads(sys.argv[2])
    url: str = given["url"]
    parts = urlsplit(url)
    delay = given["round_trip_ms"] / 2000
    with asyncio.Runner(loop_factory=precise_loop) as runner:
        runner.run(serve(parts.hostname or HOST, parts.port or 5432, delay))


if __name__ == "__main__":
    main()
