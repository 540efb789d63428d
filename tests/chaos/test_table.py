from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.chaos.table import page

LINES = [
    {"scenario": "kills on sqlite", "seed": 7, "kills": 200, "lost": 0, "seconds": 61.5},
    {"scenario": "nth call", "backend": "memory", "kind": "before", "calls": 20, "seconds": 0.5},
    {"scenario": "nth call", "backend": "memory", "kind": "after", "calls": 22, "seconds": 0.75},
    {"scenario": "kills on sqlite, no rescue", "lost": 31},
]


def test_the_page_has_a_row_for_each_scenario() -> None:
    """Lines of one scenario are added up, and those without a guard stand apart."""
    made = page(map(json.dumps, LINES), datetime(2026, 1, 2, tzinfo=UTC))
    faults, controls = made.split("with a guard taken away")
    assert "2026-01-02" in faults
    assert "| kills on sqlite | seed 7, kills 200, lost 0, seconds 61.5 |" in faults
    assert "| nth call on memory | runs 2, calls 42, seconds 0.75 |" in faults
    assert "| kills on sqlite, no rescue | lost 31 |" in controls
