"""The figures of a run of the bench: kept raw, one row for each system in each case."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.run import Figures


@dataclass
class Row:
    """One system in one case of a scenario: its runs, or why there are none."""

    scenario: str
    title: str
    case: str
    backend: str
    system: str
    headline: str
    base: str
    runs: list[Figures] = field(default_factory=list[Figures])
    failed: str | None = None

    def median(self) -> Figures:
        """Return the median of each figure over the runs."""
        names = dict.fromkeys(name for run in self.runs for name in run)
        return {
            name: statistics.median(run[name] for run in self.runs if name in run) for name in names
        }

    def spread(self) -> tuple[float, float]:
        """Return the least and the most of the headline figure."""
        values = [run[self.headline] for run in self.runs]
        return min(values), max(values)


@dataclass(frozen=True, slots=True)
class Results:
    """What a file of results holds."""

    date: str
    facts: dict[str, Any]
    rows: list[Row]

    def write(self, path: Path) -> None:
        """Write the file; rows carry their medians for those who read no Python."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [asdict(row) | {"median": row.median()} for row in self.rows]
        text = json.dumps({"date": self.date, "facts": self.facts, "rows": rows}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Results:
    """Return what a file of results holds."""
    given = json.loads(path.read_text(encoding="utf-8"))
    rows = [
        Row(**{name: value for name, value in row.items() if name != "median"})
        for row in given["rows"]
    ]
    return Results(given["date"], given["facts"], rows)
