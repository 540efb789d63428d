"""What operators do: POST routes that act, note it in the audit log, and lead to the next page."""

from __future__ import annotations

from starlette.routing import Route

ROUTES: list[Route] = []
