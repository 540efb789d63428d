"""Ids as they come from outside: a page goes on after one, wherever it is kept."""

from __future__ import annotations

from uuid import UUID


def canonical(text: str) -> str | None:
    """Return an id as all backends write it, or None: then no row can have it."""
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        return None
