"""All operations of the API, in the order in which paths are tried, and their description."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soniq.dashboard.api import jobs, letters, system
from soniq.dashboard.api.endpoint import routes_of

DESCRIPTION = Path(__file__).parents[1] / "openapi.json"
ENDPOINTS = [*jobs.ENDPOINTS, *letters.ENDPOINTS, *system.ENDPOINTS]


@cache
def description() -> str:
    """Return the text of the file that describes the API."""
    return DESCRIPTION.read_text(encoding="utf-8")


async def openapi(_: Request) -> Response:
    """Return the description of the API (OpenAPI 3.1)."""
    return Response(description(), media_type="application/json")


ROUTES = [
    *routes_of(ENDPOINTS),
    Route("/api/openapi.json", openapi, methods=["GET"], name="openapi"),
]
