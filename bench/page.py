"""Write the figures of a file of results into the pages that show them, between two marks.

uv run python -m bench.page bench/results/DATE.json
uv run python -m bench.page    # back to "not measured yet"

A page whose scenarios are not among the results stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.pages import table as pages
from bench.results import Results, Row, read
from bench.table import NOISE, facts, markdown, number, titles

FOLDER = Path(__file__).parents[1] / "docs" / "explanation"
PAGE, GROWTH, OPERATORS = (FOLDER / f"{name}.md" for name in ("speed", "growth", "operators"))
# What has a page of its own.
ELSEWHERE = {"growth", *pages.COLUMNS}
BEGIN, END = "<!-- figures: made by bench/page.py -->\n", "<!-- end of figures -->\n"
UNMEASURED = "Not measured yet.\n"
NO_FIGURE = "not measured yet"
HEAD = ["step", "which", "jobs/s", "worker µs/job", "server µs/job", "connections", "server full"]


def block(results: Results | None) -> str:
    """Return the figures as Markdown; what there is to say where there are none."""
    if results is None or not results.rows:
        return UNMEASURED
    parts = [facts(results) + " " + NOISE]
    parts += [f"### {title}\n\n{markdown(rows)}" for title, rows in titles(results.rows)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def growth_block(results: Results | None) -> str:
    """Return the figures of growth, the steps first."""
    if results is None or not any(row.scenario == "growth" for row in results.rows):
        return UNMEASURED
    grown = Results(
        results.date, results.facts, [row for row in results.rows if row.scenario == "growth"]
    )
    return f"{steps(results.rows)}\n{block(grown)}"


def operators_block(results: Results | None) -> str:
    """Return the figures of pages, live updates and commands."""
    rows = [row for row in results.rows if row.scenario in pages.COLUMNS] if results else []
    if results is None or not rows:
        return UNMEASURED
    parts = [facts(results) + " " + NOISE]
    parts += [f"### {title}\n\n{pages.markdown(lines)}" for title, lines in pages.tables(rows)]
    parts += pages.missed(rows)
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def steps(rows: Sequence[Row]) -> str:
    """Return the table of the steps: of each, what its fastest row has cost."""
    ours = [row for row in rows if row.runs]
    file = [r for r in ours if (r.scenario, r.backend, r.system) == ("w4", "sqlite", "soniq")]
    drains = [row for row in ours if row.scenario == "growth" and row.case.startswith("drain")]
    near = [row for row in drains if row.case == "drain, no proxy"]
    lines = [
        HEAD,
        ["---", "---", *["---:"] * (len(HEAD) - 2)],
        ["one SQLite file, one worker", *step(file)],
        ["one PostgreSQL, one worker", *step([r for r in near if r.system == "1 process"])],
        ["one PostgreSQL, many workers", *step(near)],
        ["the same, 5 ms away", *step([r for r in drains if r.case.startswith("drain, 5 ms")])],
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def step(rows: Sequence[Row]) -> list[str]:
    """Return the figures of the fastest row.

    The last one is the rate at which one processor of the server would have nothing left.
    """
    if not rows:
        return [NO_FIGURE, *[""] * (len(HEAD) - 2)]
    best = max(rows, key=lambda row: row.median()["jobs_per_s"])
    median = best.median()
    names = ("jobs_per_s", "worker_us_per_job", "server_us_per_job", "connections")
    told = [number(median[name]) if name in median else "" for name in names]
    server = median.get("server_us_per_job")
    full = f"{number(1e6 / server)} jobs/s a processor" if server else ""
    return [best.system, *told, full]


def replaced(
    page: str, results: Results | None, made: Callable[[Results | None], str] = block
) -> str:
    """Return a page with these figures in place of those that it has."""
    return between(page, BEGIN, END, made(results))


def between(page: str, begin: str, end: str, text: str) -> str:
    """Return a page with this text between two marks, in place of what stands there.

    Raises:
        ValueError: the page has no such marks.
    """
    before, has_begin, rest = page.partition(begin)
    _, has_end, after = rest.partition(end)
    if not has_begin or not has_end:
        message = f"The page needs both marks: {begin.strip()} and {end.strip()}"
        raise ValueError(message)
    return f"{before}{begin}\n{text}\n{end}{after}"


def speed_of(results: Results) -> Results:
    """Return what the page on speed shows: all that has no page of its own."""
    rows = [row for row in results.rows if row.scenario not in ELSEWHERE]
    return Results(results.date, results.facts, rows)


def write(results: Results | None) -> None:
    """Bring the pages up to date."""
    speed = speed_of(results) if results else None
    for page, shown, made in (
        (PAGE, speed, block),
        (GROWTH, results, growth_block),
        (OPERATORS, results, operators_block),
    ):
        if results is None or made(shown) != UNMEASURED:
            text = replaced(page.read_text(encoding="utf-8"), shown, made)
            page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(read(Path(sys.argv[1])) if sys.argv[1:] else None)
