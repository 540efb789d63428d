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
    root = root_of(scope, "root_path")
    return (path[len(root) :] if lies_in(path, root) else path) or "/"


def whole_path(scope: Scope) -> str:
    """Return the path of a request from the root of its site, as ASGI has it.

    Servers and applications that are told by ``root_path`` what a proxy takes off may leave it off,
    too: then what is mounted has to put it back before its own prefix is where it belongs.
    """
    path: str = scope["path"]
    root, host = root_of(scope, "root_path"), root_of(scope, "app_root_path")
    mount = root.removeprefix(host) if lies_in(root, host) else ""
    return path if lies_in(path, root) or not lies_in(path, mount) else host + path


def root_of(scope: Scope, name: str) -> str:
    """Return a path that others begin with, without a slash at its end."""
    root: str = scope.get(name, "")
    return root.rstrip("/")


def lies_in(path: str, root: str) -> bool:
    """Tell whether a path is a root, or leads on from it; nothing lies in none."""
    return root != "" and (path == root or path.startswith(f"{root}/"))


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
    path = root_of(request.scope, "root_path") + route.path_format.format(**inside)
    query = urlencode({key: value for key, value in parameters.items() if value is not None})
    return f"{path}?{query}" if query else path


def named_routes(request: Request) -> Mapping[str, Route]:
    """Return the routes of this dashboard by name."""
    routes: Mapping[str, Route] = request.app.state.named_routes
    return routes
