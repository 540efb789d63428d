"""A dashboard to be asked in process: no sockets, no server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from soniq import Soniq
from soniq.backends.worker_contract import WorkerIdentity
from soniq.dashboard import create_dashboard_app
from soniq.dashboard.gate import Admitted
from soniq.dashboard.state import Dashboard
from soniq.dashboard.users import LOCAL, User
from soniq.errors import PermanentFailure

KEY = "a key that nobody guesses"
HERE = "http://localhost"
NOBODYS_ID = "01890000-0000-7000-8000-000000000000"
PARAMETERS = {"fingerprint": "0" * 16, "file": "nothing.css", "name": "mail", "id": NOBODYS_ID}
SAME_ORIGIN = {"origin": HERE, "sec-fetch-site": "same-origin"}


def by_header(request: Request) -> User | None:
    """Tell who somebody is by a header, as a proxy in front might: ``X-User: ana operator``."""
    name, _, role = request.headers.get("x-user", "").partition(" ")
    return User(name, "operator" if role == "operator" else "viewer") if name else None


@asynccontextmanager
async def asking(
    app: Any, *, base: str = HERE, client: str = "127.0.0.1", **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an ASGI app that raises what the app raises."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = httpx.ASGITransport(app, client=(client, 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=named) as made:
        yield made


def dashboard_app(soniq: Soniq | None = None, **options: Any) -> Starlette:
    """Return a dashboard, of an app in memory unless one is given."""
    return create_dashboard_app(soniq or Soniq(backend="memory"), **options)


def board_of(app: Starlette) -> Dashboard:
    """Return what the routes of a dashboard share."""
    board: Dashboard = app.state.dashboard
    return board


def token_of(app: Starlette, user: User | None = LOCAL, session: str = "") -> str:
    """Return the token that a page has shown to somebody."""
    return board_of(app).gate.csrf(Admitted(user, session))


def routes_of(app: Starlette) -> dict[str, set[str]]:
    """Return each address of a dashboard, with something for its parameters, and its methods."""
    found: dict[str, set[str]] = {}
    for route in app.routes:
        assert isinstance(route, Route)
        values = {name: PARAMETERS[name] for name in route.param_convertors}
        found.setdefault(route.path_format.format(**values), set()).update(route.methods or ())
    return found


def fine(number: int) -> int:
    """Return what was given."""
    return number


def broken(number: int) -> None:
    """Fail for good."""
    message = f"number {number} is broken"
    raise PermanentFailure(message)


async def filled(soniq: Soniq) -> dict[str, str]:
    """Fill an app with one of each: return the ids and names by what they are of."""
    soniq.job(name="mail.send", queue="mail")(fine)
    soniq.job(name="mail.break", queue="mail")(broken)
    names = {"done": "mail.send", "dead": "mail.break", "dead too": "mail.break"}
    made = {kind: await soniq.enqueue(name, args={"number": 1}) for kind, name in names.items()}
    await soniq.run_worker(run_once=True)
    made["queued"] = await soniq.enqueue("mail.send", args={"number": 2})
    made["later"] = await soniq.enqueue("mail.send", args={"number": 3}, scheduled_at=3600)
    await soniq.scheduler.add(name="mail.send", every=3600, args={"number": 4})
    made["worker"] = soniq.clock.new_id()
    identity = WorkerIdentity(made["worker"], "host", 4711, None, 10, ("mail.send",), "1.2.3")
    await soniq.backend.workers.register(identity, lease=3600)
    return made
