"""Addresses within the dashboard, under whatever path it is mounted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.routing import NoMatchFound, Route
from starlette.types import Scope


def path_of(scope: Scope) -> str:
    """Return the path of a request as the routes of the dashboard see it."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    inside = root and (path == root or path.startswith(f"{root}/"))
    return (path[len(root) :] if inside else path) or "/"


def url(request: Request, name: str, /, **parameters: Any) -> str:
    """Return the path of the route ``name``; parameters that it lacks become the query.

    Those that are None are left away. Everything is quoted, also the slashes in names: a queue may
    be called like a path.

    Raises:
        NoMatchFound: there is no such route, or a parameter of its path is missing.
    """
    route = named_routes(request).get(name)
    if route is None or not route.param_convertors.keys() <= parameters.keys():
        raise NoMatchFound(name, parameters)
    inside = {key: quote(str(parameters.pop(key)), safe="") for key in route.param_convertors}
    path = request.scope.get("root_path", "").rstrip("/") + route.path_format.format(**inside)
    query = urlencode({key: value for key, value in parameters.items() if value is not None})
    return f"{path}?{query}" if query else path


def named_routes(request: Request) -> Mapping[str, Route]:
    """Return the routes of this dashboard by name."""
    routes: Mapping[str, Route] = request.app.state.named_routes
    return routes
