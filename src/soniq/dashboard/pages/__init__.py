"""The pages: GET routes that show how things stand, and change nothing."""

from __future__ import annotations

from starlette.routing import Route

ROUTES: list[Route] = []
