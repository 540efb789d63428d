"""The file that describes the API: complete, and true whatever is asked."""

from __future__ import annotations

import json
import re

from soniq.dashboard.api.routes import DESCRIPTION, ENDPOINTS, ROUTES
from tests.support.dashboard import asking, dashboard_app
from tools import openapi

WRITTEN = json.loads(DESCRIPTION.read_text(encoding="utf-8"))


def test_the_file_is_what_the_code_says() -> None:
    """``python -m tools.openapi`` writes it anew."""
    assert DESCRIPTION.read_text(encoding="utf-8") == openapi.text()


def test_every_route_of_the_api_is_described_and_no_other() -> None:
    """Address and method, of all that begins with /api but for the file itself."""
    app = dashboard_app()
    routes = {
        (route.path_format, method)  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods  # type: ignore[attr-defined]
        if route.path_format.startswith("/api") and method != "HEAD"  # type: ignore[attr-defined]
    }
    described = {
        (path, method.upper()) for path, methods in WRITTEN["paths"].items() for method in methods
    }
    assert routes - described == {("/api/openapi.json", "GET")}
    assert described - routes == set()
    assert len(ROUTES) == len(WRITTEN["paths"]) + 1


def test_every_parameter_is_described_and_no_other() -> None:
    """Those of the path, of the query, and the token of what changes something."""
    for endpoint in ENDPOINTS:
        operation = WRITTEN["paths"][endpoint.path][endpoint.method.lower()]
        described = {(one["in"], one["name"]) for one in operation["parameters"]}
        known = {("query", one.name) for one in endpoint.parameters}
        known |= {("path", name) for name in re.findall(r"\{(\w+)\}", endpoint.path)}
        known |= {("header", "X-Soniq-CSRF")} if endpoint.method != "GET" else set()
        assert described == known


def test_names_of_operations_are_their_own() -> None:
    """Generated clients make functions of them."""
    names = [
        operation["operationId"]
        for methods in WRITTEN["paths"].values()
        for operation in methods.values()
    ]
    assert len(set(names)) == len(names) == len(ENDPOINTS)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


async def test_it_is_served() -> None:
    """Where programs look for it."""
    async with asking(dashboard_app()) as client:
        answer = await client.get("/api/openapi.json")
        assert answer.json() == WRITTEN
        assert answer.headers["content-type"] == "application/json"
