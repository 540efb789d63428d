"""What Soniq reached of what others did in the same run, on one machine after the other.

A ratio that holds on one machine need not hold on the next. Each file of results is a column of the
table that stands on the page on speed between two marks.

uv run python -m bench.ratios bench/results/A.json bench/results/B.json
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.page import PAGE, between
from bench.results import Results, Row, read
from bench.table import number

BEGIN, END = "<!-- ratios: made by bench/ratios.py -->\n", "<!-- end of ratios -->\n"
LINK = "../../bench/results"


@dataclass(frozen=True, slots=True)
class Ratio:
    """One row: the headline figure of ``system`` by that of ``of``, medians of the same run.

    ``figure``: shown as it was measured, instead of a ratio. ``aim``: what it shall be at least.
    """

    said: str
    scenario: str
    of: str = ""
    aim: str = ""
    system: str = "soniq"
    case: str = ""
    backend: str = "postgres"
    figure: str = ""

    def measured(self, rows: Sequence[Row]) -> float | None:
        """Return it, or None where the run has not measured what it takes."""
        own = self._row(rows, self.system)
        if own is None:
            return None
        if self.figure:
            return own.median().get(self.figure)
        other = self._row(rows, self.of)
        if other is None:
            return None
        return own.median()[own.headline] / other.median()[other.headline]

    def _row(self, rows: Sequence[Row], system: str) -> Row | None:
        found = (
            row
            for row in rows
            if (row.scenario, row.case, row.backend) == (self.scenario, self.case, self.backend)
            and row.system == system
            and row.runs
        )
        return next(found, None)


def of_ideal(milliseconds: int, concurrency: str) -> Ratio:
    """Return the row for jobs that wait so long, so many at a time."""
    case = f"{milliseconds} ms, concurrency {concurrency}"
    said = f"jobs of {milliseconds} ms, {concurrency} at a time, of the ideal rate"
    return Ratio(said, "scan", aim="0.90", case=case, figure="of_ideal")


def of_few(shape: str) -> Ratio:
    """Return the row for a drain out of a queue of this shape."""
    return Ratio(f"W6 {shape}, of few", "w6", of="few queued", aim="0.95", system=shape)


def without(feature: str) -> Ratio:
    """Return the row for the price of a safety feature."""
    said = f"with {feature.partition(':')[0]}, of without"
    return Ratio(said, "safety", of="switched off", aim="0.95", case=feature)


RATIOS = (
    Ratio("W1 of `INSERT`", "w1", of="INSERT", aim="0.90"),
    Ratio("W1 of `INSERT`, SQLite", "w1", of="INSERT", aim="0.80", backend="sqlite"),
    Ratio("W2 of `INSERT`", "w2", of="INSERT"),
    Ratio("W2T of `INSERT`", "w2t", of="INSERT", aim="0.90"),
    Ratio("W3 of `COPY`", "w3", of="INSERT"),
    Ratio("W4 of `pgqueuer tuned`", "w4", of="pgqueuer tuned", aim="2.00", case="1 process"),
    Ratio(
        "W4 of `graphile-worker tuned`",
        "w4",
        of="graphile-worker tuned",
        aim="1.00",
        case="1 process",
    ),
    Ratio("W5 of the bare driver's time", "w5", of="INSERT, NOTIFY, UPDATE"),
    Ratio("W5, ms", "w5", aim="2.00 at most", figure="p50_ms"),
    of_few("1,000,000 queued"),
    of_few("1,000,000 for tomorrow at priority 1"),
    of_few("100 queues"),
    of_few("1,000 priorities"),
    Ratio(
        "W7 a snapshot held, of none",
        "w7",
        of="no snapshot held",
        aim="0.90",
        system="a snapshot held",
    ),
    of_ideal(1, "10"),
    of_ideal(100, "1,000"),
    without("fence: a completion names claim and worker"),
    without("leases: heartbeat and maintenance"),
    without("rollups: counts for each minute"),
)
INSERTS = Ratio("bare `INSERT`s a second", "w1", system="INSERT", figure="jobs_per_s")


def table(files: Sequence[tuple[str, Results]]) -> str:
    """Return the table: a row for each ratio, a column for each named file of results."""
    lines = [
        ["", "aim", *(f"[{name}]({LINK}/{name}.json)" for name, _ in files)],
        ["---", "---:", *["---:"] * len(files)],
    ]
    for ratio in (INSERTS, *RATIOS):
        measured = [ratio.measured(results.rows) for _, results in files]
        told = ["" if value is None else number(value) for value in measured]
        lines.append([ratio.said, ratio.aim, *told])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    paths = [Path(name) for name in sys.argv[1:]]
    if not paths:
        sys.exit("Give the files of results whose ratios to show, one or more.")
    made = table([(path.stem, read(path)) for path in paths])
    PAGE.write_text(between(PAGE.read_text(encoding="utf-8"), BEGIN, END, made), encoding="utf-8")
