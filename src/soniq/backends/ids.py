"""Ids as they come from outside, to go on after; and those that a moment begins with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID


def canonical(text: str) -> str | None:
    """Return an id as all backends write it, or None: then no row can have it."""
    try:
        return str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        return None


def first_of(moment: datetime) -> str:
    """Return the first id that a host could make at a moment by its clock."""
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"
