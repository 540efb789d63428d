"""A TCP proxy before a PostgreSQL, which tests steer: slow, silent, torn, or deaf at one reply.

It runs in a thread and event loop of its own, on 127.0.0.1 only. Of the protocol it knows how
messages are framed and which reply ends a command (PostgreSQL manual, chapter 54, "Frontend/Backend
Protocol": 54.2 Message Flow, 54.7 Message Formats).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

CHUNK = 65536
PATIENCE = 10.0
# Closing with this option sends RST in place of FIN.
NO_LINGER = struct.pack("ii", 1, 0)
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class Torn(Exception):
    """The proxy has to reset this connection now."""


@dataclass
class Faults:
    """What the proxy does at present; only its own thread looks at it."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    delay: float = 0.0
    cut_after: int | None = None
    lost_commands: tuple[bytes, ...] = ()
    lose_every: int = 1
    seen: int = 0


class Link:
    """One connection: two pumps, and what was said so far."""

    def __init__(self, faults: Faults, client: asyncio.StreamWriter) -> None:
        self.faults = faults
        self.writers = [client]
        # It has lost bytes, so it can only be reset; nobody has been told yet.
        self.holed = False
        self._pumps: list[asyncio.Task[None]] = []

    async def carry(self, reader: asyncio.StreamReader, port: int) -> None:
        """Connect to the server and pump both ways until one side ends or the link is reset."""
        if not self.faults.open.is_set():
            self.holed = True
            await self.faults.open.wait()
        if self.holed:
            return  # an attempt from the time of silence: it was reset when that ended
        from_server, server = await asyncio.open_connection("127.0.0.1", port)
        self.writers.append(server)
        replies = Replies(self.faults)
        self._pumps = [
            asyncio.create_task(self._pump(reader, server, replies.listen)),
            asyncio.create_task(self._pump(from_server, self.writers[0], replies.filter)),
        ]
        await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        look: Callable[[bytes], bytes],
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.faults.delay:
                    await asyncio.sleep(self.faults.delay)
                if not self.faults.open.is_set():
                    self.holed = True
                if self.holed:
                    continue
                try:
                    writer.write(look(data))
                except Torn:
                    self.reset()
                    return
                await writer.drain()
        if not self.faults.open.is_set():
            # The farewell is swallowed, too: the other side is left half open.
            self.holed = True
            await self.faults.open.wait()

    def reset(self) -> None:
        """Send RST both ways."""
        for writer in self.writers:
            sock = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()

    async def end(self) -> None:
        """Leave nothing behind."""
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self.writers:
            writer.close()


class Replies:
    """Reads along, message by message, and tears the link at the reply that is to be lost."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._rest = b""
        self._passed = 0
        self._asked_for_ssl: bool | None = None
        self._losing = False

    def listen(self, data: bytes) -> bytes:
        """Note whether the client begins with a question that is answered by a bare byte."""
        if self._asked_for_ssl is None:
            self._asked_for_ssl = data.startswith(SSL_REQUEST)
        return data

    def filter(self, data: bytes) -> bytes:
        """Return what of the server's bytes the client may have.

        Raises:
            Torn: all that it may have, it has.
        """
        limit = self._faults.cut_after
        if limit is not None and self._passed + len(data) > limit:
            raise Torn
        self._passed += len(data)
        self._rest += data
        passed = b""
        if self._asked_for_ssl:
            self._asked_for_ssl = False
            passed, self._rest = self._rest[:1], self._rest[1:]
        while len(self._rest) >= 5 and len(self._rest) > self._length():
            end = 1 + self._length()
            message, self._rest = self._rest[:end], self._rest[end:]
            if not self._is_to_be_lost(message):
                passed += message
        return passed

    def _length(self) -> int:
        length: int = struct.unpack_from("!i", self._rest, 1)[0]
        return length

    def _is_to_be_lost(self, message: bytes) -> bool:
        """Hold back from CommandComplete on; by ReadyForQuery the command is committed."""
        if self._losing and message[:1] == b"Z":
            raise Torn
        if message[:1] == b"C" and message[5:].startswith(self._faults.lost_commands):
            self._faults.seen += 1
            self._losing = self._faults.seen % self._faults.lose_every == 0
        return self._losing


class Proxy:
    """``with Proxy(database_url) as proxy``: connect to ``proxy.url(…)``, then break things."""

    def __init__(self, direct: str) -> None:
        self.server_port = urlsplit(direct).port or 5432
        self.port = 0
        self._links: set[Link] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._live, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        assert self._started.wait(PATIENCE)
        return self

    def __exit__(self, *error: object) -> None:
        """Reset all links and end the thread."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE)

    def url(self, direct: str) -> str:
        """Return the URL that leads through this proxy to the same database."""
        parts = urlsplit(direct)
        user = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{user}@127.0.0.1:{self.port}").geturl()

    def heal(self) -> None:
        """Pass everything on again. Links that have lost bytes are reset, as a router would."""

        def act(faults: Faults) -> None:
            faults.delay, faults.cut_after, faults.lost_commands = 0.0, None, ()
            for link in [link for link in self._links if link.holed]:
                link.reset()
            faults.open.set()

        self._steer(act)

    def delay(self, seconds: float) -> None:
        """Let every piece wait, both ways."""
        self._steer(lambda faults: setattr(faults, "delay", seconds))

    def blackhole(self) -> None:
        """Swallow everything, both ways, and tell nobody; new connections wait."""
        self._steer(lambda faults: faults.open.clear())

    def cut_after(self, number: int) -> None:
        """Reset each link, also new ones, before its server has said more bytes than that."""
        self._steer(lambda faults: setattr(faults, "cut_after", number))

    def lose_replies(self, commands: Collection[str], *, every: int = 1) -> None:
        """Reset the link in place of every n-th reply to such commands (``COMMIT``, ``INSERT``)."""

        def act(faults: Faults) -> None:
            faults.lost_commands = tuple(command.encode() for command in commands)
            faults.lose_every, faults.seen = every, 0

        self._steer(act)

    def lost_replies(self) -> int:
        """Return how many replies were lost since ``lose_replies``."""
        return self._steer(lambda faults: faults.seen // faults.lose_every)

    def reset(self) -> int:
        """Reset all links now; return how many there were."""
        return self._steer(lambda _: sum(link.reset() is None for link in set(self._links)))

    def _steer(self, act: Callable[[Faults], Any]) -> Any:
        async def steer() -> Any:
            return act(self._faults)

        return asyncio.run_coroutine_threadsafe(steer(), self._loop).result(PATIENCE)

    def _live(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._ended, self._faults = (
            asyncio.get_running_loop(),
            asyncio.Event(),
            Faults(),
        )
        self._faults.open.set()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ended.wait()
        server.close()
        for link in set(self._links):
            link.reset()
        self._faults.open.set()
        # A pump that its link cancels ends as it should.
        ends = await asyncio.gather(*self._carriers(), return_exceptions=True)
        for error in [end for end in ends if isinstance(end, Exception)]:
            raise error

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(self._faults, writer)
        self._links.add(link)
        try:
            with suppress(OSError):
                await link.carry(reader, self.server_port)
        finally:
            self._links.discard(link)
            await link.end()

    def _carriers(self) -> list[Coroutine[Any, Any, Any] | asyncio.Task[Any]]:
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
