"""The dashboard in real applications: FastAPI's and Starlette's, under a path, behind a proxy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import NamedTuple

import httpx
import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soniq import Soniq
from tests.support.dashboard import KEY, SAME_ORIGIN, asking, board_of, dashboard_app, filled

ADDRESS = re.compile(r"""(?P<name>href|src|action|hx-get|connect)="(?P<url>[^"#]*)[^"]*\"""")
TOKEN = re.compile(r'name="csrf" value="([^"]+)"')
# What a proxy takes off.
TAKEN = "/shop"


class Proxied:
    """Behind a proxy that takes a prefix off; ``told``: the server has put it back, as uvicorn."""

    def __init__(self, app: ASGIApp, *, told: bool) -> None:
        self._app = app
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on as a server does that knows of the prefix."""
        assert scope["path"].startswith(f"{TAKEN}/"), scope["path"]
        path = scope["path"] if self._told else scope["path"].removeprefix(TAKEN)
        await self._app({**scope, "root_path": TAKEN, "path": path}, receive, send)


class Host(NamedTuple):
    """How the dashboard is reached: in which application, and under which path."""

    around: Callable[[ASGIApp], ASGIApp]
    prefix: str


def fastapi(dashboard: ASGIApp, path: str = "/jobs") -> FastAPI:
    """Return an application of FastAPI with a route and a dependency of its own."""

    def nothing() -> None:
        """Stand for what such applications have in front of every route."""

    site = FastAPI(dependencies=[Depends(nothing)])
    site.get("/hello")(lambda: "hello")
    site.mount(path, dashboard)
    return site


def starlette(dashboard: ASGIApp) -> Starlette:
    """Return a plain application of Starlette."""
    return Starlette(routes=[Mount("/jobs", dashboard)])


def fastapi_within_fastapi(dashboard: ASGIApp) -> FastAPI:
    """Return an application in which another one holds the dashboard."""
    site = FastAPI()
    site.mount("/admin", fastapi(dashboard))
    return site


HOSTS = {
    "FastAPI": Host(fastapi, "/jobs"),
    "FastAPI, two paths": Host(lambda app: fastapi(app, "/tools/jobs"), "/tools/jobs"),
    "FastAPI in FastAPI": Host(fastapi_within_fastapi, "/admin/jobs"),
    "Starlette": Host(starlette, "/jobs"),
    "alone, behind a proxy": Host(lambda app: Proxied(app, told=True), "/shop"),
    "FastAPI behind a proxy": Host(lambda app: Proxied(fastapi(app), told=True), "/shop/jobs"),
    "Starlette behind a proxy": Host(lambda app: Proxied(starlette(app), told=True), "/shop/jobs"),
    "FastAPI, path without prefix": Host(
        lambda app: Proxied(fastapi(app), told=False), "/shop/jobs"
    ),
}


@pytest.fixture(params=HOSTS.values(), ids=HOSTS)
def host(request: pytest.FixtureRequest) -> Host:
    """Each of the hosts."""
    found: Host = request.param
    return found


async def test_all_that_pages_name_is_there(host: Host) -> None:
    """Links, files and forms lead to where the dashboard is, and all but nothing to nowhere."""
    soniq = Soniq(backend="memory")
    made = await filled(soniq)
    app = dashboard_app(soniq, write=True)
    board_of(app).live.close()
    waiting = [f"{host.prefix}/", f"{host.prefix}/jobs/{made['queued']}"]
    seen: dict[str, int] = {}
    forms: set[str] = set()
    async with asking(host.around(app)) as client:
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            answer = await client.get(path)
            seen[path] = answer.status_code
            for found in ADDRESS.finditer(answer.text):
                place = found["url"].replace("&amp;", "&")
                assert place == "" or place.startswith(f"{host.prefix}/"), (path, place)
                if place and found["name"] == "action":
                    forms.add(place)
                elif place:
                    waiting.append(place)
    odd = {path.partition("?")[0]: code for path, code in seen.items() if code not in {200, 303}}
    assert odd == {f"{host.prefix}/live": 503}  # no page is to be followed here
    assert len(seen) > 40
    assert {f"{host.prefix}/jobs/{made['queued']}/cancel", f"{host.prefix}/bulk"} <= forms
    assert any("/static/" in path for path in seen)


async def signed_in(client: httpx.AsyncClient, prefix: str) -> None:
    """Log in, by the form that one is led to."""
    lost = await client.get(f"{prefix}/queues")
    assert lost.headers["location"].startswith(f"{prefix}/login?next=")
    form = await client.get(lost.headers["location"])
    token = TOKEN.search(form.text)
    assert token is not None
    data = {"key": KEY, "next": f"{prefix}/queues", "csrf": token[1]}
    answer = await client.post(f"{prefix}/login", data=data)
    assert answer.headers["location"] == f"{prefix}/queues"
    assert f"Path={prefix};" in answer.headers["set-cookie"]


async def test_a_session_and_an_action(host: Host) -> None:
    """Log in, cancel a job by the form of its page, be led back, log out: all under the path."""
    soniq = Soniq(backend="memory")
    made = await filled(soniq)
    app = dashboard_app(soniq, write=True, api_key=KEY)
    page = f"{host.prefix}/jobs/{made['queued']}"
    async with asking(host.around(app), **SAME_ORIGIN) as client:
        await signed_in(client, host.prefix)
        token = TOKEN.search((await client.get(page)).text)
        assert token is not None
        data = {"csrf": token[1], "next": page}
        answer = await client.post(f"{page}/cancel", data=data)
        assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert "is cancelled" in (await client.get(page)).text
        assert (await client.get(f"{host.prefix}/api/jobs/{made['queued']}")).json()["status"] == (
            "cancelled"
        )
        answer = await client.post(f"{host.prefix}/logout", data=data)
        assert answer.headers["location"].startswith(f"{host.prefix}/")
        assert (await client.get(page)).status_code == 303
        assert (await client.get(f"{host.prefix}/api/stats")).status_code == 401


async def test_a_stream(host: Host) -> None:
    """What follows pages is found, too, and ends when the dashboard is closed."""
    app = dashboard_app()
    begun = asyncio.Event()

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body":
                begun.set()

        await app(scope, receive, note)

    async with asking(host.around(noting)) as client:
        following = asyncio.create_task(client.get(f"{host.prefix}/live"))
        await begun.wait()
        board_of(app).live.close()
        answer = await following
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.startswith("retry: ")


async def test_the_host_stays_as_it_was() -> None:
    """Its own routes and documents are answered as before, without the dashboard's headers."""
    async with asking(fastapi(dashboard_app())) as client:
        answer = await client.get("/hello")
        assert (answer.text, answer.headers.get("content-security-policy")) == ('"hello"', None)
        assert list((await client.get("/openapi.json")).json()["paths"]) == ["/hello"]
