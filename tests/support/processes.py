"""Processes that a test starts."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """Return an environment without coverage measurement, which imports modules of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
