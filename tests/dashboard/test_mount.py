"""The dashboard inside of other applications, and without what it needs."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, NoMatchFound, Route

from soniq import Soniq
from soniq.dashboard import require
from soniq.dashboard.paths import path_of, url, whole_path
from soniq.dashboard.users import User
from soniq.errors import ExtraMissing
from tests.support.dashboard import KEY, SAME_ORIGIN, asking, board_of, dashboard_app, token_of
from tests.support.processes import unmeasured

ADDRESS = re.compile(r"""(?:href|src|action|connect)="(?P<url>[^"]*)\"""")


@pytest.mark.parametrize("prefix", ["", "/jobs", "/a/b"])
async def test_all_links_begin_where_it_is_mounted(prefix: str) -> None:
    """Whatever the path, also below another mount; none leads to another site."""
    app = dashboard_app(Soniq(backend="memory"), api_key=KEY, write=True)
    for part in reversed(prefix.split("/")[1:]):
        app = Starlette(routes=[Mount(f"/{part}", app)])
    async with asking(app) as client:
        lost = await client.get(f"{prefix}/queues?x=1")
        assert lost.headers["location"] == f"{prefix}/login?next={quoted(prefix)}%2Fqueues%3Fx%3D1"
        form = await client.get(lost.headers["location"])
        token = re.search(r'name="csrf" value="([^"]+)"', form.text)
        assert token is not None
        data = {"key": KEY, "next": f"{prefix}/queues", "csrf": token[1]}
        answer = await client.post(f"{prefix}/login", data=data, headers=SAME_ORIGIN)
        assert answer.headers["location"] == f"{prefix}/queues"
        assert f"Path={prefix or '/'};" in answer.headers["set-cookie"]
        for path in ("/", "/queues", "/system", "/nothing"):
            page = await client.get(f"{prefix}{path}")
            addresses = {match["url"] for match in ADDRESS.finditer(page.text)}
            assert addresses
            assert [one for one in addresses if not one.startswith((f"{prefix}/", "#", "?"))] == []


def quoted(prefix: str) -> str:
    """Return a path as the value of a parameter."""
    return prefix.replace("/", "%2F")


async def test_a_page_of_the_host_is_none_of_ours() -> None:
    """The guard stands before the dashboard, not before what it is mounted in."""
    outside = Route("/outside", lambda _: Response("hello"))
    site = Starlette(routes=[outside, Mount("/jobs", dashboard_app())])
    async with asking(site, base="http://elsewhere.example") as client:
        assert (await client.get("/outside")).text == "hello"
        assert "content-security-policy" not in (await client.get("/outside")).headers
        assert (await client.get("/jobs/queues")).status_code == 421


async def test_auth_sees_what_the_host_has_noted() -> None:
    """A user that the host's middleware has put there; the dashboard's own is another."""

    def who(request: Request) -> User | None:
        return User(request.state.user, "operator") if request.state.user else None

    seen: list[object] = []

    async def host(scope: Any, receive: Any, send: Any) -> None:
        scope["state"] = {"user": "ana"}
        await site(scope, receive, send)
        seen.append(scope["state"])

    app = dashboard_app(auth=who, write=True)
    site = Starlette(routes=[Mount("/jobs", app)])
    headers = SAME_ORIGIN | {"x-soniq-csrf": token_of(app, User("ana", "operator"))}
    async with asking(host, **headers) as client:
        assert (await client.get("/jobs/queues")).status_code == 200
        answer = await client.post("/jobs/queues/mail/pause", data={"reason": "x"})
        assert answer.status_code == 303
    assert seen == [{"user": "ana"}] * 2
    [entry] = await board_of(app).soniq.audit.list()
    assert entry.actor == "dashboard:ana"


async def test_addresses_hold_any_name() -> None:
    """Slashes, questions and umlauts in names arrive as they were; odd ones lead nowhere else."""
    app = dashboard_app(write=True)
    seen: list[str] = []

    async def note(request: Request) -> Response:
        seen.append(request.path_params["name"])
        addresses = [url(request, "resume_queue", name=name) for name in names]
        return Response("\n".join([*addresses, url(request, "jobs", q="a b", after=None)]))

    names = ["a/b", "a?b#c", "ü %2F", "../workers/x", "x y&z=1"]
    app.router.routes.insert(0, Route("/note/{name:path}", note))
    headers = SAME_ORIGIN | {"x-soniq-csrf": token_of(app)}
    async with asking(app, **headers) as client:
        *addresses, jobs = (await client.get("/note/x")).text.splitlines()
        assert jobs == "/jobs?q=a+b"
        for name, address in zip(names, addresses, strict=True):
            assert address.count("/") == 3
            await client.get(address.replace("/queues/", "/note/").removesuffix("/resume"))
            assert seen[-1] == name


def test_a_wrong_name_of_a_route_is_a_bug() -> None:
    """Neither a route that there is not, nor one without what its path needs."""
    app = dashboard_app()
    request = Request({"type": "http", "app": app, "path": "/", "headers": [], "root_path": ""})
    with pytest.raises(NoMatchFound):
        url(request, "nothing")
    with pytest.raises(NoMatchFound):
        url(request, "job", q="x")


@pytest.mark.parametrize(
    ("path", "root", "inside"),
    [
        ("/jobs/login", "/jobs", "/login"),
        ("/jobs", "/jobs", "/"),
        ("/jobs/", "/jobs/", "/"),
        ("/jobsearch", "/jobs", "/jobsearch"),
        ("/login", "", "/login"),
        ("/login", "/jobs", "/login"),
    ],
)
def test_the_path_inside_of_the_mount(path: str, root: str, inside: str) -> None:
    """What the routes of the dashboard see, by which the guard knows the open ones."""
    assert path_of({"path": path, "root_path": root}) == inside


@pytest.mark.parametrize(
    ("path", "root", "host", "whole"),
    [
        ("/jobs/login", "/jobs", "", "/jobs/login"),
        ("/shop/jobs/login", "/shop/jobs", "/shop", "/shop/jobs/login"),
        ("/jobs/login", "/shop/jobs", "/shop", "/shop/jobs/login"),
        ("/jobs/login", "/shop/jobs", "/shop/", "/shop/jobs/login"),
        ("/jobs", "/shop/jobs", "/shop", "/shop/jobs"),
        ("/jobs/jobs/login", "/jobs/jobs", "/jobs", "/jobs/jobs/login"),
        ("/jobsearch", "/shop/jobs", "/shop", "/jobsearch"),
        ("/login", "/shop", "", "/login"),
        ("/login", "/shop", "/shop", "/login"),
        ("/jobs/x", "/shopping/jobs", "/shop", "/jobs/x"),
        ("/login", "", "", "/login"),
    ],
)
def test_what_a_proxy_has_taken_off_is_put_back(
    path: str, root: str, host: str, whole: str
) -> None:
    """Where the host has left it off, and only there."""
    assert whole_path({"path": path, "root_path": root, "app_root_path": host}) == whole


def test_what_is_missing_is_named_with_its_cure() -> None:
    """One clear error with the command to install it."""
    with pytest.raises(ExtraMissing, match=r"nosuchpackage.*pip install 'soniq\[dashboard\]'"):
        require(("starlette", "nosuchpackage"))


def test_only_the_dashboard_needs_the_extra() -> None:
    """``import soniq.dashboard`` loads neither Starlette nor Jinja2, until a dashboard is made."""
    code = (
        "import sys, soniq.dashboard, soniq.cli.commands\n"
        "sys.modules['starlette'] = sys.modules['jinja2'] = None\n"
        "from soniq import Soniq\n"
        "try:\n"
        "    soniq.dashboard.create_dashboard_app(Soniq(backend='memory'))\n"
        "except ImportError as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=unmeasured()
    )
    assert done.stdout == "SONIQ_EXTRA_MISSING\n"
