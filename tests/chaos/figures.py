"""Figures that chaos tests have measured, for whoever collects them."""

from __future__ import annotations

import json
import os
from pathlib import Path

VARIABLE = "SONIQ_TEST_FIGURES"


def figure(scenario: str, **values: object) -> None:
    """Print the figures of a scenario, and append them to the file that the environment names."""
    line = json.dumps({"scenario": scenario, **values})
    print(line)  # noqa: T201 - pytest shows it with -s
    if name := os.environ.get(VARIABLE):
        with Path(name).open("a") as file:
            file.write(line + "\n")
