"""Answers that are no pages of their own: problems, JSON, and the way to the next page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soniq.dashboard import flash
from soniq.dashboard.paths import path_of, url
from soniq.dashboard.problem import Problem
from soniq.dashboard.render import render
from soniq.dashboard.security import local_path
from soniq.dashboard.state import dashboard_of

PROBLEM_TYPE = "application/problem+json"


def as_json(value: object, status: int = 200, media_type: str = "application/json") -> Response:
    """Return a value as JSON; integers stay exact, however large."""
    text = json.dumps(value, default=plain, ensure_ascii=True, allow_nan=False)
    return Response(text, status, media_type=media_type)


def plain(value: object) -> Any:
    """Return what JSON has for a value of Soniq's."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    message = f"{type(value).__name__} has no form in JSON"
    raise TypeError(message)


def problem_answer(request: Request, problem: Problem) -> Response:
    """Return a problem as the client can read it: JSON for the API, else a page."""
    if wants_json(request):
        body = {
            "type": "about:blank",
            "title": problem.title,
            "status": problem.status,
            "detail": problem.detail,
            "code": problem.code,
        }
        response = as_json(body, problem.status, PROBLEM_TYPE)
    elif problem.status == 401 and dashboard_of(request).gate.with_key:  # noqa: PLR2004
        response = to_login(request)
    else:
        response = render(request, "problem.html", problem.status, problem=problem)
    response.headers.update(problem.headers)
    return response


def wants_json(request: Request) -> bool:
    """Tell whether a request is for the API."""
    return path_of(request.scope).startswith("/api/")


def to_login(request: Request) -> Response:
    """Return the way to the login, and from there back to the page that was asked for."""
    wanted = request.url.path if request.method == "GET" else None
    query = f"?{request.url.query}" if wanted and request.url.query else ""
    return RedirectResponse(url(request, "login", next=wanted and wanted + query), 303)


def see_other(
    request: Request,
    message: str = "",
    kind: flash.Kind = "done",
    *,
    to: str | None = None,
    otherwise: str | None = None,
) -> Response:
    """Return the way to the next page, with a message for it.

    That page is ``to``, else what the form's field ``next`` says, else ``otherwise``, else the
    overview.
    """
    form: dict[str, str] = request.state.form
    target = to or local_path(form.get("next", "")) or otherwise or url(request, "overview")
    response = RedirectResponse(target, 303)
    if message:
        flash.leave(request, response, dashboard_of(request).signer, message, kind)
    return response
