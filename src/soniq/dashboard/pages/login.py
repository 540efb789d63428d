"""``/login``: where the key is asked for."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.render import render
from soniq.dashboard.security import local_path
from soniq.dashboard.state import dashboard_of


async def login(request: Request) -> Response:
    """Show the form, which leads to ``?next=``; not found where there is no key."""
    if not dashboard_of(request).gate.with_key:
        raise HTTPException(404)
    target = local_path(request.query_params.get("next", ""))
    return render(request, "login.html", target=target or "")
