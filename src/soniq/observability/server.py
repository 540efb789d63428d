"""Answer ``/metrics``, ``/healthz``, ``/readyz`` over HTTP, from threads beside the event loop."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIEnvironment

from soniq.errors import ConfigurationError
from soniq.observability.health import ailments, obstacles
from soniq.observability.prometheus import Metrics, instrument, wsgi_endpoint

if TYPE_CHECKING:
    from soniq.app import Soniq

logger = logging.getLogger("soniq.observability")

# Who connects and then says nothing keeps a thread for so long.
SILENCE_SECONDS = 5.0
END_SECONDS = 0.5
TEXT = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


@asynccontextmanager
async def serving(
    app: Soniq, port: int, *, host: str = "127.0.0.1", awaits_worker: bool = False
) -> AsyncGenerator[int]:
    """Serve the metrics and the health of an app within the block, which gets the port.

    Args:
        app: will be instrumented, unless it is already.
        port: 0 for one that is free.
        host: the address of this host to listen at; ``0.0.0.0`` for all. Whoever can reach it may
            read: there is no password.
        awaits_worker: not ready before a worker has started in this process.

    Raises:
        ConfigurationError: the port is taken, or there is no such address.

    Example:
        .. code-block:: python

            async with serving(app, 9464):
                await app.run_worker()
    """
    metrics = instrument(app)
    metrics.watch.attach()
    server = open_server(host, port, Answers(metrics, awaits_worker=awaits_worker))
    thread = threading.Thread(target=server.serve, name="soniq-metrics", daemon=True)
    thread.start()
    logger.info("Metrics and health at http://%s/metrics", place(host, server.server_port))
    try:
        yield server.server_port
    finally:
        server.end()
        thread.join(END_SECONDS)
        server.server_close()
        await metrics.watch.close()


class Answers:
    """The three pages, as WSGI."""

    def __init__(self, metrics: Metrics, *, awaits_worker: bool) -> None:
        self._watch = metrics.watch
        self._metrics = wsgi_endpoint(metrics)
        self._awaits_worker = awaits_worker

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        match environ["PATH_INFO"]:
            case "/metrics":
                return self._metrics(environ, start)
            case "/healthz":
                return verdict(ailments(self._watch), start)
            case "/readyz":
                return verdict(obstacles(self._watch, awaits_worker=self._awaits_worker), start)
            case _:
                start("404 Not Found", [*TEXT])  # a list of its own: the server adds to it
                return [b"There are /metrics, /healthz and /readyz.\n"]


def verdict(problems: list[str], start: StartResponse) -> Iterable[bytes]:
    """Answer with 200, or with 503 and what is wrong, one problem a line."""
    start("503 Service Unavailable" if problems else "200 OK", [*TEXT])
    return ["".join(f"{problem}\n" for problem in problems or ["ok"]).encode()]


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, so that nobody has to wait for somebody else's answer."""

    daemon_threads = True
    ending = False

    def serve(self) -> None:
        """Answer until ``end``. Nothing is done in between, not even a look at the time."""
        while not self.ending:
            self.handle_request()

    def end(self) -> None:
        """Answer nobody any more; it takes one last call for ``serve`` to notice."""
        self.ending = True
        with suppress(OSError):
            socket.create_connection((self.server_name, self.server_port), END_SECONDS).close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Tell whether to answer."""
        return super().verify_request(request, client_address) and not self.ending

    def server_bind(self) -> None:
        """Bind, without asking for the name of this host: where no resolver is, that takes long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say little of those who hang up early."""
        del request
        logger.debug("No answer to %s", client_address, exc_info=sys.exception())


class Request(WSGIRequestHandler):
    """One request; it is not logged."""

    timeout = SILENCE_SECONDS

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has there
        """Say nothing: scrapes and probes come every few seconds."""


def open_server(host: str, port: int, answers: Answers) -> Server:
    """Return a server that listens, but does not answer yet.

    Raises:
        ConfigurationError: it can't listen there.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        kind = type("ServerOfFamily", (Server,), {"address_family": family})
        server: Server = kind((host, port), Request)
    except (OSError, OverflowError) as error:
        message = (
            f"Can't serve metrics at {place(host, port)}: {error}. Give another --metrics-port "
            "(SONIQ_METRICS_PORT), or an address of this host as --metrics-host."
        )
        raise ConfigurationError(message) from error
    server.set_app(answers)
    return server


def place(host: str, port: int) -> str:
    """Return ``host:port``, with brackets around an IPv6 address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
