"""The one way into the dashboard: every request passes here, also those that lead nowhere."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soniq.dashboard import security
from soniq.dashboard.answers import problem_answer
from soniq.dashboard.gate import Admitted, Gate
from soniq.dashboard.paths import path_of, whole_path
from soniq.dashboard.problem import Problem, Refused, problem_of
from soniq.errors import DatabaseError

logger = logging.getLogger("soniq.dashboard")

# These change nothing but who somebody is.
SESSION_PATHS = frozenset({"/login", "/logout"})
BODY_SECONDS = 10.0


class Guard:
    """Middleware that decides whether a request is served, and marks every answer."""

    def __init__(self, app: ASGIApp, *, gate: Gate, hosts: tuple[str, ...], write: bool) -> None:
        self._app = app
        self._gate = gate
        self._hosts = hosts
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer(send)
        # What a host has noted of the request is for `auth`, and stays as it is.
        given = Request(scope, receive)
        ours: dict[str, object] = {"user": None, "csrf": "", "form": {}, "fields": []}
        scope = {**scope, "path": whole_path(scope), "state": {**scope.get("state", {}), **ours}}
        try:
            receive = await self._admitted(Request(scope, receive), given)
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            return
        except Exception as error:
            if answer.begun:
                raise  # the server ends the connection, so that nobody takes it for whole
            problem = problem_of(error)
            if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                logger.exception("%s %s failed", scope["method"], scope["path"])
            elif isinstance(error, DatabaseError):
                logger.warning("%s %s failed: %s", scope["method"], scope["path"], error)
            await tell(Request(scope), problem)(scope, receive, answer)

    async def _admitted(self, request: Request, given: Request) -> Receive:
        """Return how the routes get the body of a request that is served (else Refused).

        ``given``: the request as it has come, with what a host has noted of it.
        """
        headers = request.headers
        hosts = headers.getlist("host")
        security.check_host(hosts[0] if len(hosts) == 1 else None, self._hosts)
        security.check_address(request.scope["path"], request.url.query)
        if not self._gate.closed:
            security.check_client(request.client.host if request.client else None, headers)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if request.method in security.SAFE_METHODS:
            security.check_origin(origin, hosts[0])
            await self._admit(request, given)
            return request.receive
        security.check_same_origin(site, origin, hosts[0])
        body = await read(headers, request.receive)
        admitted = await self._admit(request, Request(given.scope, replayed(body)))
        self._check_write(request, admitted, body)
        return replayed(body)

    async def _admit(self, request: Request, given: Request) -> Admitted:
        """Find out who it is; Refused (401) where that has to be known."""
        admitted = await self._gate.admit(given)
        request.state.user = admitted.user
        request.state.csrf = self._gate.csrf(admitted)
        if admitted.user is None and not is_open(path_of(request.scope)):
            if self._gate.with_key:
                raise Refused(401, "Log in first.", www_authenticate="Bearer")
            raise Refused(401, "Nobody is known to be logged in: log in to the application first.")
        return admitted

    def _check_write(self, request: Request, admitted: Admitted, body: bytes) -> None:
        """Refuse a write that is forged, switched off, or not this person's to make (403)."""
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            request.state.fields = security.read_form(body)
            request.state.form = security.first_of_each(request.state.fields)
        if not admitted.by_key:
            form: dict[str, str] = request.state.form
            token = request.headers.get("x-soniq-csrf") or form.get("csrf", "")
            self._gate.check_csrf(admitted, token)
        if path_of(request.scope) in SESSION_PATHS:
            return
        if not self._write:
            message = (
                "This dashboard is read-only. Set SONIQ_DASHBOARD_WRITE_ENABLED=true (write=True "
                "of create_dashboard_app) where it is started, to let operators act."
            )
            raise Refused(403, message)
        user = admitted.user
        if user is None or user.role != "operator":
            name = user.name if user else "nobody"
            logger.warning("%s (viewer) was refused: %s %s", name, request.method, request.url.path)
            raise Refused(403, "A viewer may look at everything and change nothing.")


class Answer:
    """Sends an answer on, with the headers that every answer has."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """Send a part of it."""
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in security.HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", security.CACHE_CONTROL)
        await self._send(message)


def is_open(path: str) -> bool:
    """Tell whether nobody needs to be known: whoever is not logged in needs this to do so."""
    return path == "/login" or path.startswith("/static/")


def tell(request: Request, problem: Problem) -> Response:
    """Return the answer that tells of a problem, in bare words where even its page fails."""
    try:
        return problem_answer(request, problem)
    except Exception:
        logger.exception("The page for a problem failed")
        return PlainTextResponse(problem.detail, problem.status, problem.headers)


async def read(headers: Headers, receive: Receive) -> bytes:
    """Return the whole body.

    Raises:
        Refused: 413 if it is too large, 408 if it does not come.
    """
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > security.LARGEST_BODY:
        raise too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > security.LARGEST_BODY:
                    raise too_large()
    except TimeoutError:
        raise Refused(408, "The body of this request did not come.") from None
    return bytes(body)


def too_large() -> Refused:
    """Return the refusal of a large body."""
    return Refused(413, f"A body may have {security.LARGEST_BODY // 1024} KiB, no more.")


def replayed(body: bytes) -> Receive:
    """Return a way to receive a body that has been read."""
    rest: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return rest.pop() if rest else {"type": "http.disconnect"}

    return receive
