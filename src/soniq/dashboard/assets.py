"""Files that pages load, under names that change with their content."""

from __future__ import annotations

from starlette.routing import Route

ROUTES: list[Route] = []


def hashed(file: str) -> str:
    """Return the name by which a file of ``static/`` is served."""
    return file
