"""Read the SQL statements of a backend: one file for each, ``sql/<store>/<verb>.sql``."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def read(folder: Path, verb: str) -> str:
    """Return the text of ``sql/<verb>.sql`` below a backend's ``folder``, such as ``jobs/claim``.

    Each file is read once per process.
    """
    return (folder / "sql" / f"{verb}.sql").read_text(encoding="utf-8")
