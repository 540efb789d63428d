"""Databases that stop answering in the middle of a test."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit


class Wire:
    """Carries bytes both ways between whoever connects to ``port`` and the server behind it.

    Silenced, it keeps its connections, but nothing is heard any more.
    """

    def __init__(self) -> None:
        self.port = 0
        self._open = asyncio.Event()
        self._open.set()

    def silence(self) -> None:
        """Carry nothing any more, in either direction."""
        self._open.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while block := await reader.read(65_536):
                await self._open.wait()
                writer.write(block)
                await writer.drain()
        except OSError:
            pass  # one of the two ends has gone away
        finally:
            writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncGenerator[tuple[Wire, str]]:
    """Give a wire to the server of a URL, and the URL that leads over it."""
    place = urlsplit(url)
    wire = Wire()
    calls: set[asyncio.Task[None]] = set()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(place.hostname, place.port)
        for carry in (wire._carry(reader, far_writer), wire._carry(far_reader, writer)):
            calls.add(asyncio.create_task(carry))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire, url.replace(f":{place.port}/", f":{wire.port}/")
    finally:
        server.close()
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


@asynccontextmanager
async def breakable(url: str) -> AsyncGenerator[tuple[str, Callable[[], object]]]:
    """Give a URL that leads to the database of a URL, until the function is called."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield url, lambda: connection.execute("BEGIN IMMEDIATE")
        return
    async with wire_to(url) as (wire, detour):
        yield detour, wire.silence
