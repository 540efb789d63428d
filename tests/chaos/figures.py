"""Figures that the scenarios measure, for the table that is published."""

from __future__ import annotations

import json
import os
from pathlib import Path


def figure(scenario: str, **values: object) -> None:
    """Print the figures, and append them as a JSON line to the file SONIQ_TEST_FIGURES, if set."""
    line = json.dumps({"scenario": scenario, **values})
    print(line)  # noqa: T201 - pytest shows it with -s, and when the test fails
    if path := os.environ.get("SONIQ_TEST_FIGURES"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
