"""Write the figures of a file of results into the page on speed, between its two marks.

uv run python -m bench.page bench/results/DATE.json
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.results import Results, read
from bench.table import NOISE, facts, markdown, titles

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "speed.md"
BEGIN, END = "<!-- figures: made by bench/page.py -->\n", "<!-- end of figures -->\n"


def block(results: Results) -> str:
    """Return the figures as Markdown."""
    parts = [facts(results) + " " + NOISE]
    parts += [f"### {title}\n\n{markdown(rows)}" for title, rows in titles(results.rows)]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def replaced(page: str, results: Results) -> str:
    """Return a page with these figures in place of those that it has.

    Raises:
        ValueError: the page has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"The page needs both marks: {BEGIN.strip()} and {END.strip()}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n{block(results)}\n{END}{after}"


if __name__ == "__main__":
    made = replaced(PAGE.read_text(encoding="utf-8"), read(Path(sys.argv[1])))
    PAGE.write_text(made, encoding="utf-8")
