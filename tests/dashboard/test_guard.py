"""Every route, whoever asks and however: generated from the router, so that none is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from soniq.dashboard import guard
from soniq.dashboard.security import CONTENT_SECURITY_POLICY, HEADERS
from soniq.dashboard.users import User
from tests.support.dashboard import (
    HERE,
    KEY,
    SAME_ORIGIN,
    asking,
    board_of,
    by_header,
    dashboard_app,
    routes_of,
    token_of,
)

METHODS = ("GET", "POST", "DELETE", "PUT")
NOT_THERE = ("/nothing", "/static/..%2Fapp.py", "/static/%2e%2e/app.py", "/api/nothing", "//")
ROLES: dict[str, dict[str, str]] = {
    "nobody": {},
    "viewer": {"x-user": "vic viewer"},
    "operator": {"x-user": "ola operator"},
}
OPEN = ("/login", "/static/")
SESSION = {"/login", "/logout"}


@pytest.fixture(params=[True, False], ids=["writable", "read-only"])
def write(request: pytest.FixtureRequest) -> bool:
    """Whether the dashboard lets anybody write."""
    wanted: bool = request.param
    return wanted


def everywhere(app: Starlette) -> list[str]:
    """Return all addresses, and some where there is nothing."""
    board_of(app).live.close()  # so that its answer ends
    return sorted({*routes_of(app), *NOT_THERE})


def status_for(path: str, method: str, role: str, *, write: bool) -> set[int] | None:
    """Return what must be answered to a flawless request; None if that is the route's business."""
    if path == "/login" or (path.startswith(OPEN) and method == "GET"):
        return None
    if role == "nobody":
        return {403} if path.startswith(OPEN) else {401}
    if method == "GET" or path in SESSION:
        return None
    if not write or role == "viewer":
        return {403}
    return None


async def test_every_route_knows_its_people(*, write: bool) -> None:
    """Each route, method and role: who may is served, and who may not is told so."""
    app = dashboard_app(auth=by_header, write=write)
    wrong: list[Any] = []
    methods = routes_of(app)
    async with asking(app) as client:
        for path in everywhere(app):
            for method in METHODS:
                for role, headers in ROLES.items():
                    user = User(*headers["x-user"].split()) if headers else None  # type: ignore[arg-type]
                    token = {"x-soniq-csrf": token_of(app, user)}
                    answer = await client.request(
                        method, path, headers=headers | SAME_ORIGIN | token
                    )
                    allowed = status_for(path, method, role, write=write)
                    served = answer.status_code not in {401, 403, 421} and answer.status_code < 500
                    if path in methods and method not in methods[path] and served:
                        served = answer.status_code in {404, 405}
                    if path == "/live" and answer.status_code == 503:
                        served = True
                    right = served if allowed is None else answer.status_code in allowed
                    if not right:
                        wrong.append((role, method, path, answer.status_code))
    assert [str(one) for one in wrong] == []


async def test_every_route_refuses_a_foreign_host() -> None:
    """DNS rebinding: a name that is not ours is answered with 421, whatever is asked for."""
    app = dashboard_app(write=True)
    async with asking(app, base="http://rebound.example") as client:
        for path in everywhere(app):
            for method in METHODS:
                answer = await client.request(method, path)
                assert (path, answer.status_code) == (path, 421)


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": HERE},
    ],
    ids=str,
)
async def test_every_write_refuses_a_foreign_origin(foreign: dict[str, str]) -> None:
    """Also with a good token and a good key."""
    app = dashboard_app(write=True, api_key=KEY)
    async with asking(app, x_api_key=KEY) as client:
        for path in everywhere(app):
            for method in ("POST", "DELETE", "PUT", "OPTIONS"):
                answer = await client.request(method, path, headers=foreign)
                assert (path, answer.status_code) == (path, 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
async def test_every_route_refuses_to_be_read_from_a_foreign_origin(origin: str) -> None:
    """A script elsewhere could not read the answer, and gets none; its links are followed."""
    app = dashboard_app(write=True, api_key=KEY)
    async with asking(app, x_api_key=KEY) as client:
        for path in everywhere(app):
            for method in ("GET", "HEAD"):
                answer = await client.request(method, path, headers={"origin": origin})
                assert (path, answer.status_code) == (path, 403)
        for given in ({"sec-fetch-site": "cross-site"}, {"origin": HERE}):
            assert (await client.get("/queues", headers=given)).status_code == 200


async def test_every_write_needs_a_token() -> None:
    """Without one, with another's or a made up one nothing is written, also at home."""
    app = dashboard_app(write=True)
    others = token_of(app, User("ana", "operator"))
    async with asking(app) as client:
        for path in everywhere(app):
            for method in ("POST", "DELETE"):
                for token in (None, "", "1.2", others):
                    headers = SAME_ORIGIN | ({} if token is None else {"x-soniq-csrf": token})
                    answer = await client.request(method, path, headers=headers)
                    assert (path, answer.status_code) == (path, 403)


async def test_a_key_in_a_header_needs_no_token() -> None:
    """No other site can make a browser send one."""
    app = dashboard_app(write=True, api_key=KEY)
    for headers in ({"x-api-key": KEY}, {"authorization": f"Bearer {KEY}"}):
        async with asking(app, **headers) as client:
            answer = await client.post("/queues/mail/resume")
            assert answer.status_code == 303


async def test_every_route_refuses_a_key_in_its_url() -> None:
    """Also the right one, which is then known to too many."""
    app = dashboard_app(api_key=KEY)
    async with asking(app) as client:
        for path in everywhere(app):
            answer = await client.get(path, params={"api_key": KEY})
            assert (path, answer.status_code) == (path, 400)
            assert KEY not in answer.text


async def test_every_route_limits_its_body() -> None:
    """64 KiB, whether the client says so before or not."""
    app = dashboard_app(write=True)
    headers = SAME_ORIGIN | {"x-soniq-csrf": token_of(app)}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(70):
            yield b"x" * 1024

    async with asking(app, **headers) as client:
        for path in everywhere(app):
            known = await client.post(path, content=b"x" * (64 * 1024 + 1))
            unknown = await client.post(path, content=endless())
            assert (path, known.status_code, unknown.status_code) == (path, 413, 413)


async def test_without_authentication_strangers_are_not_served() -> None:
    """Neither from another computer nor through a proxy, whatever they ask for."""
    app = dashboard_app()
    async with asking(app, client="10.0.0.5") as far, asking(app, x_real_ip="10.0.0.5") as proxied:
        for path in everywhere(app):
            for client in (far, proxied):
                assert (await client.get(path)).status_code == 403


def strict(answer: httpx.Response) -> bool:
    """Tell whether an answer has all the headers that keep browsers in check."""
    return all(answer.headers.get(name) == value for name, value in HEADERS.items())


async def test_every_answer_is_strict() -> None:
    """Policy and all, on pages, files, refusals and errors; what is not public is not stored."""
    for options in ({}, {"api_key": KEY}, {"auth": by_header}):
        app = dashboard_app(**options)
        async with asking(app) as client:
            for path in everywhere(app):
                for method in METHODS:
                    answer = await client.request(method, path)
                    assert strict(answer), (method, path)
                    assert answer.headers["cache-control"] == "no-store"
            assert strict(await client.get("/", headers={"host": "evil.example"}))


def test_the_policy_allows_nothing_inline() -> None:
    """Neither inline scripts nor eval, nor anything from elsewhere, nor frames around."""
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert "require-trusted-types-for 'script'; trusted-types soniq" in CONTENT_SECURITY_POLICY


async def test_an_error_tells_nothing() -> None:
    """A bug is a page without a traceback, strict as any other; the log has the rest."""
    app = dashboard_app(auth=lambda _: 1 // 0)  # type: ignore[arg-type, return-value]
    async with asking(app) as client:
        for path in ("/", "/api/stats"):
            answer = await client.get(path)
            assert answer.status_code == 500
            assert strict(answer)
            assert "ZeroDivisionError" not in answer.text
            assert "Traceback" not in answer.text


@pytest.mark.parametrize("identity", ["admin", True, ("ana", "operator")])
async def test_an_odd_answer_of_auth_opens_nothing(identity: Any) -> None:
    """What is no user, role or None is a bug of the host, and nobody is let in by it."""
    async with asking(dashboard_app(auth=lambda _: identity)) as client:
        assert (await client.get("/")).status_code == 500


async def test_a_websocket_is_closed() -> None:
    """There are none here."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = dashboard_app()
    await app({"type": "websocket", "path": "/", "headers": []}, None, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def scope_of(app: Starlette, method: str, path: str) -> dict[str, Any]:
    """Return a request as a server hands it over."""
    headers = [(b"host", b"localhost"), (b"x-soniq-csrf", token_of(app).encode())]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "root_path": "",
    }


async def answered(app: Starlette, scope: dict[str, Any], receive: Any) -> list[Any]:
    """Return what is sent for a request."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_who_goes_away_is_not_answered() -> None:
    """A client that leaves in the middle of its body is no error."""
    app = dashboard_app(write=True)

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert await answered(app, scope_of(app, "POST", "/bulk"), receive) == []


async def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """408 after ten seconds, here after none."""
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.0)
    app = dashboard_app(write=True)
    sent = await answered(app, scope_of(app, "POST", "/bulk"), asyncio.Event().wait)
    assert sent[0]["status"] == 408


async def test_half_an_answer_is_never_taken_for_whole() -> None:
    """An error after its beginning is the server's to see, which then cuts the connection."""
    app = dashboard_app()

    async def broken(_: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "half"
            raise ZeroDivisionError

        return StreamingResponse(parts())

    app.router.routes.insert(0, Route("/broken", broken))
    with pytest.raises(ZeroDivisionError):
        await answered(app, scope_of(app, "GET", "/broken"), asyncio.Event().wait)


async def test_a_problem_is_told_even_if_its_page_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """In bare words, as strict as any other answer."""
    monkeypatch.setattr(guard, "problem_answer", lambda *_: 1 // 0)
    async with asking(dashboard_app()) as client:
        answer = await client.get("/", headers={"host": "evil.example"})
        assert (answer.status_code, strict(answer)) == (421, True)
        assert "SONIQ_DASHBOARD_HOSTS" in answer.text


async def test_auth_may_answer_by_itself() -> None:
    """A host can lead whoever is unknown to its own login."""

    def elsewhere(_: Request) -> None:
        raise HTTPException(303, headers={"Location": "/welcome"})

    async with asking(dashboard_app(auth=elsewhere)) as client:
        answer = await client.get("/queues")
        assert (answer.status_code, answer.headers["location"]) == (303, "/welcome")
