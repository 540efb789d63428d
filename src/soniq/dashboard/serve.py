"""Serve the dashboard alone, by uvicorn, until a signal ends it."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from soniq.dashboard.state import Dashboard
from soniq.errors import ConfigurationError

# After a signal, answers on their way have so long.
GRACE_SECONDS = 1


class Server(uvicorn.Server):
    """A server that leaves signals to whoever started it, and says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer requests."""
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take none."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0: at one that is free.

    Raises:
        ConfigurationError: that is not possible.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"Can't listen at {host}, port {port} ({reason}): give another --host or --port."
        raise ConfigurationError(message) from None
    # Connections take it over. asyncio would see to it by itself only for sockets that name their
    # protocol: without it the body of a page waits 40 ms until its headers have been acknowledged.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


async def serve(
    app: Starlette, listening: socket.socket, *, root_path: str = "", ready: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT, and end within a second then, also with pages open.

    ``root_path``: the path under which a proxy shows it, if that takes it off before it asks.
    ``ready`` is called once requests are answered.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        root_path=root_path,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = Server(config, ready)
    dashboard: Dashboard = app.state.dashboard

    def stop() -> None:
        server.should_exit = True
        dashboard.live.close()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        await server.serve([listening])
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
