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


@cache
def for_rows(verb: str, count: int) -> str:
    """Return the statement that takes one row of values, made to take so many at once."""
    head, row, tail = sql(verb).partition("(" + ", ".join("?" * sql(verb).count("?")) + ")")
    return head + ",".join([row] * count) + tail
