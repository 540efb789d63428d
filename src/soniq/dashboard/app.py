"""Put the dashboard together: routes, the guard before them, and what they share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soniq.app import Soniq
from soniq.dashboard import actions, assets, pages, streams
from soniq.dashboard.answers import problem_answer
from soniq.dashboard.api import routes as api
from soniq.dashboard.gate import Gate
from soniq.dashboard.guard import Guard
from soniq.dashboard.live import Live
from soniq.dashboard.operations import Operations
from soniq.dashboard.problem import problem_of
from soniq.dashboard.reading import Reading
from soniq.dashboard.security import check_key, check_patterns
from soniq.dashboard.signing import Signer, digest
from soniq.dashboard.state import Dashboard
from soniq.dashboard.throttle import Throttle
from soniq.dashboard.users import Auth
from soniq.redact import Hook, Redactor
from soniq.settings import Settings


def assemble(
    soniq: Soniq,
    *,
    auth: Auth | None,
    api_key: str | None,
    write: bool | None,
    hosts: Sequence[str] | None,
    redact: Hook | None,
) -> Starlette:
    """Return the dashboard; see ``create_dashboard_app``."""
    settings = soniq.settings
    key = api_key or key_of(settings)
    check_key(key)
    signer = Signer(secret_of(settings, key), soniq.clock)
    gate = Gate(auth=auth, api_key=key, signer=signer, throttle=Throttle(soniq.clock))
    named = settings.dashboard_hosts if hosts is None else hosts
    known_as = check_patterns((named,) if isinstance(named, str) else named, closed=gate.closed)
    dashboard = Dashboard(
        soniq=soniq,
        write=settings.dashboard_write_enabled if write is None else write,
        reading=Reading(soniq, redactor_of(settings, redact)),
        live=Live(soniq),
        operations=Operations(soniq),
        signer=signer,
        gate=gate,
    )
    app = Starlette(
        routes=[*pages.ROUTES, *actions.ROUTES, *api.ROUTES, *streams.ROUTES, *assets.ROUTES],
        middleware=[Middleware(Guard, gate=gate, hosts=known_as, write=dashboard.write)],
        exception_handlers={HTTPException: on_http_exception},
        lifespan=lifespan,
    )
    # A redirect would name the host, and there is nothing that it leads to.
    app.router.redirect_slashes = False
    app.state.dashboard = dashboard
    app.state.named_routes = {route.name: route for route in app.routes if isinstance(route, Route)}
    return app


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    """End what still goes on with the server; a mounted dashboard's host may do without."""
    yield
    dashboard: Dashboard = app.state.dashboard
    dashboard.live.close()
    await dashboard.operations.close()


def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer as for any other problem, also where there is no such page."""
    return problem_answer(request, problem_of(error))


def key_of(settings: Settings) -> str | None:
    """Return the key that the settings have."""
    key = settings.dashboard_api_key
    return key.get_secret_value() if key else None


def secret_of(settings: Settings, key: str | None) -> bytes | None:
    """Return what to sign with: the same in every process, and another one with another key."""
    secret = settings.dashboard_secret
    parts = [secret.get_secret_value() if secret else "", key or ""]
    return digest("\0".join(parts)) if any(parts) else None


def redactor_of(settings: Settings, hook: Hook | None) -> Redactor:
    """Return what hides secrets."""
    return Redactor(settings.redact_keys, hook=hook)
