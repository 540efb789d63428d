"""Nothing that people look at counts the rows of jobs: that takes the longer the more there are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import SOURCE, files, parse, place

STATEMENTS = sorted((SOURCE / "backends").glob("*/sql/*/*.sql"))
COMMENT = re.compile(r"--.*")
COUNTS = re.compile(r"\bcount\s*\(", re.IGNORECASE)
READS = re.compile(r"\b(?:FROM|JOIN)\s+soniq_jobs\b", re.IGNORECASE)
# Not asked by whoever looks: these end attempts, whose jobs are named.
WRITES = re.compile(r"\b(?:UPDATE|DELETE|INSERT)\b", re.IGNORECASE)
# What keeps a block from reading on and on: so many rows, a part of the pages, rows that are named
# or made of late, what workers hold at the moment.
BOUND = re.compile(r"\bLIMIT\b|\bTABLESAMPLE\b|\bid\s*>?=|status\s*=\s*'processing'", re.IGNORECASE)
# The one that promises exact numbers, whatever it takes: app.get_queue_stats().
EXACT = {"postgres/sql/stats/queues.sql", "sqlite/sql/stats/queues.sql"}
# What leads to it, and may be called by no page and no command.
CALLS = {"get_queue_stats", "queue_stats"}
EDGES = ("cli", "dashboard", "observability", "doctor")


def blocks(sql: str) -> Iterator[str]:
    """Yield each part of a statement without the parts in brackets within it."""
    open_parts = [""]
    for character in sql:
        if character == "(":
            open_parts[-1] += "("
            open_parts.append("")
        elif character == ")" and len(open_parts) > 1:
            yield open_parts.pop()
            open_parts[-1] += ")"
        else:
            open_parts[-1] += character
    yield from open_parts


def is_bounded(part: str) -> bool:
    """Tell whether a part reads but some rows; the least of an index is one."""
    is_least = "min()" in part and not COUNTS.search(part)
    return is_least or BOUND.search(part) is not None


def counts_all(text: str) -> bool:
    """Tell whether a statement counts, and reads jobs without a bound."""
    sql = COMMENT.sub("", text)
    parts = [part for block in blocks(sql) for part in re.split(r"\bUNION ALL\b", block)]
    if WRITES.search(sql) or not COUNTS.search(sql):
        return False
    return any(READS.search(part) and not is_bounded(part) for part in parts)


@pytest.mark.parametrize(
    ("sql", "wide"),
    [
        ("SELECT count(*) FROM soniq_jobs", True),
        (
            "SELECT queue, COUNT (*) FROM soniq_jobs AS job WHERE job.status = 'done' GROUP BY 1",
            True,
        ),
        ("SELECT count(*) FROM (SELECT id FROM soniq_jobs WHERE queue = $1) AS all_of_them", True),
        ("SELECT (SELECT count(*) FROM soniq_jobs), (SELECT 1 LIMIT 1)", True),
        ("SELECT 1 FROM soniq_jobs LIMIT 1 UNION ALL SELECT count(*) FROM soniq_jobs", True),
        ("SELECT count(*) FROM soniq_jobs -- LIMIT 1", True),
        ("SELECT count(*) FROM (SELECT id FROM soniq_jobs LIMIT 10) AS some", False),
        ("SELECT (SELECT count(*) FROM soniq_workers), (SELECT min(id) FROM soniq_jobs)", False),
        ("SELECT id FROM soniq_jobs", False),
    ],
)
def test_counting_is_seen(sql: str, wide: bool) -> None:
    """Also within brackets and branches; what is bounded is none."""
    assert counts_all(sql) is wide


def test_no_statement_counts_all_jobs() -> None:
    """But for the one that promises exact numbers."""
    wide = {
        str(path.relative_to(SOURCE / "backends"))
        for path in STATEMENTS
        if counts_all(path.read_text(encoding="utf-8"))
    }
    assert wide == EXACT


def calls(path: Path) -> Iterator[ast.Attribute]:
    """Yield where a file asks for exact numbers."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute):
            of_stats = isinstance(node.value, ast.Attribute) and node.value.attr == "stats"
            if node.attr in CALLS or (node.attr == "queues" and of_stats):
                yield node


def test_no_page_and_no_command_asks_for_exact_numbers() -> None:
    """Of what people look at, and what is looked at for them, nothing does; the API does."""
    edges = tuple(SOURCE / name for name in EDGES)
    shown = [path for path in files() if any(path.is_relative_to(edge) for edge in edges)]
    assert len(shown) > len(EDGES)
    assert [place(path, node) for path in shown for node in calls(path)] == []
    assert any(True for path in files() for _ in calls(path))
