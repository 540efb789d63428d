"""Keys, the login, and messages for the next page."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soniq import Soniq
from soniq.dashboard import flash
from soniq.dashboard.gate import SESSION_COOKIE, SESSION_SECONDS
from soniq.dashboard.render import environment
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.throttle import FAILURES
from soniq.dashboard.users import KEYHOLDER
from soniq.errors import ConfigurationError
from tests.support.clock import FrozenClock
from tests.support.dashboard import KEY, asking, board_of, dashboard_app, token_of

FORM = {"origin": "http://localhost"}


@pytest.fixture
def locked(clock: FrozenClock) -> Starlette:
    """A dashboard with a key."""
    return dashboard_app(Soniq(backend="memory", clock=clock), api_key=KEY, write=True)


async def log_in(
    app: Starlette, client: httpx.AsyncClient, key: str = KEY, following: str = "/live?x=1"
) -> httpx.Response:
    """Send the form of the login."""
    form = {"key": key, "next": following, "csrf": token_of(app, None)}
    return await client.post("/login", data=form, headers=FORM)


async def test_the_key_becomes_a_cookie(locked: Starlette) -> None:
    """One that no script reads and no other site sends; it leads to where one wanted to go."""
    async with asking(locked) as client:
        assert (await client.get("/live")).status_code == 303
        answer = await log_in(locked, client)
        assert (answer.status_code, answer.headers["location"]) == (303, "/live?x=1")
        cookie = answer.headers["set-cookie"]
        assert f"Max-Age={SESSION_SECONDS}" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/;" in cookie
        assert "Secure" not in cookie
        assert KEY not in cookie
        board_of(locked).live.close()
        assert (await client.get("/live")).status_code == 503


async def test_over_tls_the_cookie_stays_there(locked: Starlette) -> None:
    """It is marked as secure where the request was."""
    async with asking(locked, base="https://localhost") as client:
        form = {"key": KEY, "csrf": token_of(locked, None)}
        answer = await client.post("/login", data=form, headers={"origin": "https://localhost"})
        assert "Secure" in answer.headers["set-cookie"]


async def test_a_page_leads_to_the_login_and_back(locked: Starlette) -> None:
    """Whoever is unknown is asked for the key, and a program is told with 401."""
    async with asking(locked) as client:
        answer = await client.get("/live?a=1&b=2")
        location = answer.headers["location"]
        assert (answer.status_code, location) == (303, "/login?next=%2Flive%3Fa%3D1%26b%3D2")
        answer = await client.get("/api/stats")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("elsewhere", ["http://evil.example", "//evil.example", "/\\evil", ""])
async def test_the_login_leads_nowhere_else(locked: Starlette, elsewhere: str) -> None:
    """A link to the login can't be made a link to another site."""
    async with asking(locked) as client:
        answer = await log_in(locked, client, following=elsewhere)
        assert answer.headers["location"] == "/"


async def test_a_wrong_key_opens_nothing(locked: Starlette) -> None:
    """The form is shown again, with a message and without a session."""
    async with asking(locked) as client:
        answer = await log_in(locked, client, key="a key that is wrong")
        assert answer.headers["location"].startswith("/login?next=")
        assert SESSION_COOKIE not in answer.headers["set-cookie"]


async def test_keys_cannot_be_tried_for_long(locked: Starlette, clock: FrozenClock) -> None:
    """After ten wrong ones from an address even the right one waits, in headers and in the form."""
    async with asking(locked) as client, asking(locked, client="127.0.0.2") as neighbour:
        for _ in range(FAILURES):
            assert (await client.get("/live", headers={"x-api-key": "no"})).status_code != 429
        answer = await client.get("/api/stats", headers={"x-api-key": KEY})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        assert (await log_in(locked, client)).status_code == 429
        assert (await log_in(locked, neighbour)).status_code == 303
        clock.advance(seconds=60)
        assert (await log_in(locked, client)).status_code == 303


async def test_a_token_of_the_host_is_no_wrong_key() -> None:
    """Where there are both, tokens of the host may come by the same header, however often."""
    app = dashboard_app(api_key=KEY, auth=lambda r: "viewer" if r.headers.get("x-ok") else None)
    board_of(app).live.close()
    async with asking(app, authorization="Bearer the host's own", x_ok="1") as client:
        for _ in range(FAILURES + 1):
            assert (await client.get("/live")).status_code == 503
    async with asking(app, authorization="Bearer a guess") as client:
        answers = [(await client.get("/api/stats")).status_code for _ in range(FAILURES + 1)]
    assert answers == [401] * FAILURES + [429]


async def test_a_session_ends(locked: Starlette, clock: FrozenClock) -> None:
    """After twelve hours, by logging out, and with another key."""
    async with asking(locked) as client:
        await log_in(locked, client)
        cookie = {SESSION_COOKIE: client.cookies[SESSION_COOKIE]}
        session = board_of(locked).signer.unpack("session", cookie[SESSION_COOKIE])
        token = token_of(locked, KEYHOLDER, session)
        answer = await client.post("/logout", data={"csrf": token}, headers=FORM)
        assert answer.headers["location"] == "/login"
        assert SESSION_COOKIE not in client.cookies
    board_of(locked).live.close()
    assert await status_with(locked, cookie) == 503
    changed = dashboard_app(api_key=KEY + "!")
    assert await status_with(changed, cookie) == 303
    clock.advance(seconds=SESSION_SECONDS)
    assert await status_with(locked, cookie) == 303


async def test_a_session_serves_in_every_process(locked: Starlette, clock: FrozenClock) -> None:
    """Cookies are signed by what all processes share: the key."""
    async with asking(locked) as client:
        await log_in(locked, client)
        cookie = {SESSION_COOKIE: client.cookies[SESSION_COOKIE]}
    other = dashboard_app(Soniq(backend="memory", clock=clock), api_key=KEY)
    board_of(other).live.close()
    assert await status_with(other, cookie) == 503


async def status_with(app: Starlette, cookies: dict[str, str]) -> int:
    """Return how a request with cookies is answered."""
    async with asking(app) as client:
        client.cookies.update(cookies)
        return (await client.get("/live")).status_code


async def test_a_token_is_bound_to_the_session(locked: Starlette) -> None:
    """That of another session of the same key is refused."""
    async with asking(locked) as client:
        await log_in(locked, client)
        form = {"csrf": token_of(locked, KEYHOLDER, "another session")}
        assert (await client.post("/logout", data=form, headers=FORM)).status_code == 403


async def test_without_a_key_there_is_no_login() -> None:
    """Nothing to log in with: the form's address does not exist."""
    app = dashboard_app()
    async with asking(app) as client:
        answer = await client.post("/login", data={"csrf": token_of(app)}, headers=FORM)
        assert answer.status_code == 404


def test_settings_give_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for anything else, a keyword wins."""
    monkeypatch.setenv("SONIQ_DASHBOARD_API_KEY", KEY)
    monkeypatch.setenv("SONIQ_DASHBOARD_WRITE_ENABLED", "true")
    assert board_of(dashboard_app()).gate.with_key
    assert board_of(dashboard_app()).write
    assert not board_of(dashboard_app(write=False)).write
    monkeypatch.setenv("SONIQ_DASHBOARD_API_KEY", "short")
    with pytest.raises(ConfigurationError, match="5 characters"):
        dashboard_app()


async def test_a_message_is_shown_once(clock: FrozenClock) -> None:
    """It waits for the page that shows it, for a minute, for its reader alone."""
    app = dashboard_app(Soniq(backend="memory", clock=clock))

    async def leave(request: Request) -> Response:
        response = Response()
        flash.leave(request, response, dashboard_of(request).signer, "x" * 5000)
        return response

    async def look(request: Request) -> Response:
        found = flash.read(request, dashboard_of(request).signer)
        text = (
            found.message if found and "only-look" not in request.query_params else str(bool(found))
        )
        response = Response(text)
        if found.shown:
            flash.remove(request, response)
        return response

    app.routes.extend([Route("/leave", leave), Route("/look", look)])
    async with asking(app) as client:
        await client.get("/leave")
        assert len(client.cookies[flash.COOKIE]) < 4000
        assert (await client.get("/look?only-look=1")).text == "True"
        assert (await client.get("/look")).text == "x" * flash.LONGEST + "…"
        assert (await client.get("/look")).text == "False"
        await client.get("/leave")
        clock.advance(seconds=flash.SECONDS)
        assert (await client.get("/look")).text == "False"


def test_templates_escape_everything() -> None:
    """Also what a template of ours does not mark."""
    template = environment().from_string("{{ x }}")
    assert template.render(x="<script>'\"") == "&lt;script&gt;&#39;&#34;"
