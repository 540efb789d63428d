"""``POST /login`` and ``POST /logout``: exchange the key for a cookie, and give that up again."""

from __future__ import annotations

import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.answers import see_other
from soniq.dashboard.gate import address_of
from soniq.dashboard.paths import url
from soniq.dashboard.security import local_path
from soniq.dashboard.state import dashboard_of

logger = logging.getLogger("soniq.dashboard")


async def log_in(request: Request) -> Response:
    """Take the field ``key``; the right one leads to ``next``, a wrong one back to the form."""
    gate = dashboard_of(request).gate
    if not gate.with_key:
        raise HTTPException(404)
    form: dict[str, str] = request.state.form
    address = address_of(request)
    if not gate.is_key(request, form.get("key", "")):
        logger.warning("A wrong key was given from %s", address)
        back = url(request, "login", next=local_path(form.get("next", "")))
        return see_other(request, "That is not the key.", "failed", to=back)
    logger.info("Somebody with the key has logged in from %s", address)
    response = see_other(request)
    gate.log_in(request, response)
    return response


async def log_out(request: Request) -> Response:
    """Have the browser forget that it was logged in."""
    dashboard = dashboard_of(request)
    response = see_other(
        request, to=url(request, "login" if dashboard.gate.with_key else "overview")
    )
    dashboard.gate.log_out(request, response)
    return response
