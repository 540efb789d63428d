"""Pages from templates: ``render(request, "jobs.html", found=found)``."""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from soniq import __version__
from soniq.dashboard import assets, flash, views
from soniq.dashboard.paths import url
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.users import can_write

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Return what all templates share. Everything is escaped; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(views.FILTERS)
    return made


def render(request: Request, template: str, /, status: int = 200, **context: Any) -> Response:
    """Return a page.

    Every template finds ``url(name, **parameters)``, ``static(file)``, ``csrf``, ``user`` (None
    before the login), ``can_write``, ``flash``, ``request`` and ``version`` besides ``context``.
    """
    dashboard = dashboard_of(request)
    message = flash.read(request, dashboard.signer)
    base: dict[str, Any] = {
        "request": request,
        "url": partial(url, request),
        "static": partial(static, request),
        "csrf": request.state.csrf,
        "user": request.state.user,
        "can_write": can_write(request),
        "with_key": dashboard.gate.with_key,
        "flash": message,
        "version": __version__,
    }
    text = environment().get_template(template).render(base | context)
    response = HTMLResponse(text, status)
    if message.shown:
        flash.remove(request, response)
    return response


def static(request: Request, file: str) -> str:
    """Return the address of a file of ``static/``, by a name that changes with its content."""
    return url(request, "static", file=assets.hashed(file))
