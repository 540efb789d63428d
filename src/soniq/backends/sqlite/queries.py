"""The statements of this backend, by store and verb."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from soniq.backends.sqltext import read

FOLDER = Path(__file__).parent


@cache
def sql(verb: str) -> str:
    """Return a statement's text, for example ``sql("jobs/claim")``."""
    return read(FOLDER, verb)
