"""Write the page of measured faults from the figures that a run of the chaos tests has left.

SONIQ_TEST_FIGURES=figures.jsonl uv run pytest tests/chaos
uv run python -m tests.chaos.table figures.jsonl > docs/explanation/faults.md
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import soniq

Figures = dict[str, Any]

HEAD = """\
# Faults, measured

Every line is a test in `tests/chaos/`, which runs with every change: it makes the fault, lets the
workers come to rest, and checks what is left. This page is made by `tests/chaos/table.py` from the
figures of one run ({day}; Soniq {version}; Python {python}, {cores} cores; the machine is noisy, so
read times as sizes). Times are in seconds unless the name says otherwise. *Lost*: jobs that
`enqueue()` had returned for and that did not end. *Extra runs*: runs beyond the first that a fault
has cost; *jobs hit*: the most that it may cost, the jobs which the killed processes held.

| Fault | Figures |
|---|---|
"""
# Scenarios without a guard: there to show that the test sees what the guard prevents.
CONTROL = ", no "


def page(lines: Iterable[str], day: datetime) -> str:
    """Return the page for figures, one JSON object a line; lines of one scenario become one row."""
    rows: defaultdict[str, list[Figures]] = defaultdict(list)
    for line in lines:
        figures = json.loads(line)
        scenario = str(figures.pop("scenario"))
        backend = figures.pop("backend", None)
        rows[f"{scenario} on {backend}" if backend else scenario].append(figures)
    head = HEAD.format(
        day=day.strftime("%Y-%m-%d"),
        version=soniq.__version__,
        python=platform.python_version(),
        cores=os.cpu_count(),
    )
    faults = [row(name, rows[name]) for name in sorted(rows) if CONTROL not in name]
    controls = [row(name, rows[name]) for name in sorted(rows) if CONTROL in name]
    body = head + "\n".join(faults) + "\n"
    if controls:
        body += "\nThe same with a guard taken away, as the tests' own proof that they can see:\n\n"
        body += "| Fault | Figures |\n|---|---|\n" + "\n".join(controls) + "\n"
    return body


def row(name: str, runs: list[Figures]) -> str:
    """Return one line of the table."""
    merged = runs[0] if len(runs) == 1 else merge(runs)
    told = ", ".join(f"{key.replace('_', ' ')} {shown(value)}" for key, value in merged.items())
    return f"| {name} | {told} |"


def merge(runs: list[Figures]) -> Figures:
    """Return the figures of several runs as one: whole numbers added up, of the others the most."""
    merged: Figures = {"runs": len(runs)}
    for key in dict.fromkeys(key for run in runs for key in run):
        values = [run[key] for run in runs if isinstance(run.get(key), int | float)]
        if values and key != "seed":
            merged[key] = sum(values) if all(isinstance(v, int) for v in values) else max(values)
    return merged


def shown(value: object) -> str:
    """Return a figure for people."""
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    with Path(sys.argv[1]).open(encoding="utf-8") as source:
        sys.stdout.write(page(source, datetime.now(UTC)))
