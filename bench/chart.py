"""Draw the headline figures of a file of results as bars, in SVG, for light and dark pages.

uv run python -m bench.chart bench/results/DATE.json --scenario w4 > docs/explanation/speed.svg
"""

from __future__ import annotations

import argparse
import sys
from html import escape
from pathlib import Path

from bench.results import Row, read
from bench.table import number, titles, unit

WIDTH, NAMES, VALUES = 720, 150, 110
TOP, LINE, BAR = 46, 28, 18
TOLD = ", median; the line: least to most"
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.unit, .failed { fill: #59636e }
.bar { fill: #8c959f }
.soniq { fill: #0969da }
.spread { stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .unit, .failed { fill: #9198a1 }
  .bar { fill: #656c76 }
  .soniq { fill: #4493f8 }
  .spread { stroke: #f0f6fc }
}
"""


def chart(title: str, rows: list[Row]) -> str:
    """Return the picture of one table: a bar for each median, a line from the least to the most."""
    measured = [row for row in rows if row.runs]
    most = max((row.spread()[1] for row in measured), default=1.0)
    scale = (WIDTH - NAMES - VALUES) / most
    height = TOP + LINE * len(rows) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<text class="title" x="0" y="16">{escape(title)}</text>',
        f'<text class="unit" x="0" y="34">{escape(unit(rows[0].headline))}{TOLD}</text>',
    ]
    for place, row in enumerate(rows):
        parts += bar(row, TOP + LINE * place, scale)
    return "\n".join([*parts, "</svg>"]) + "\n"


def bar(row: Row, top: float, scale: float) -> list[str]:
    """Return the parts of one bar."""
    base = top + BAR - 4
    parts = [f'<text x="0" y="{base}">{escape(row.system)}</text>']
    if not row.runs:
        parts.append(f'<text class="failed" x="{NAMES}" y="{base}">failed</text>')
        return parts
    median = row.median()[row.headline]
    low, high = (NAMES + value * scale for value in row.spread())
    middle = top + BAR / 2
    kind = "bar soniq" if row.system.startswith("soniq") else "bar"
    return [
        *parts,
        f'<rect class="{kind}" x="{NAMES}" y="{top}" height="{BAR}" width="{median * scale:.1f}"/>',
        f'<path class="spread" d="M{low:.1f} {middle}H{high:.1f}"/>',
        f'<text x="{high + 8:.1f}" y="{base}">{number(median)}</text>',
    ]


def main() -> None:
    """Print the picture of one table."""
    reader = argparse.ArgumentParser("python -m bench.chart", description=__doc__)
    reader.add_argument("results", type=Path)
    reader.add_argument("--scenario", default="w4")
    reader.add_argument("--backend", default="postgres")
    given = reader.parse_args()
    for title, rows in titles(read(given.results).rows):
        if rows[0].scenario == given.scenario and rows[0].backend == given.backend:
            sys.stdout.write(chart(title, rows))
            return
    reader.error(f"No figures of {given.scenario} on {given.backend} in {given.results}.")


if __name__ == "__main__":
    main()
