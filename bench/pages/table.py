"""The figures of pages, live updates and commands as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from bench.results import Row
from bench.table import number

TARGETS = {
    ("pages", "Overview"): ("first_ms", 150.0),
    ("commands", "soniq --help"): ("total_ms", 200.0),
    ("live", "1 open page"): ("last_ms", 1000.0),
    ("live", "200 open pages"): ("last_ms", 1000.0),
    ("live", "1 page that loads"): ("last_ms", 1000.0),
    ("live", "20 pages that load"): ("last_ms", 1000.0),
}


class Column(NamedTuple):
    """A column: its head, the figure, and whether it is the worst that counts or the median."""

    head: str
    figure: str
    worst: bool = False
    unit: float = 1.0


COLUMNS = {
    "pages": (
        Column("first byte ms", "first_ms"),
        Column("worst", "first_ms", worst=True),
        Column("all ms", "total_ms"),
        Column("very first ms", "cold_first_ms"),
        Column("KiB", "bytes", unit=1024),
        Column("gzip KiB", "gzip_bytes", unit=1024),
        Column("statements", "statements"),
        Column("refresh KiB", "live_bytes", unit=1024),
        Column("refresh statements", "live_statements"),
    ),
    "live": (
        Column("statements/s", "statements_per_s"),
        Column("server CPU %", "server_cpu_percent"),
        Column("first page hears after ms", "first_heard_ms"),
        Column("last page", "last_ms"),
        Column("worst", "last_ms", worst=True),
    ),
    "commands": (
        Column("ms", "total_ms"),
        Column("worst", "total_ms", worst=True),
    ),
}


def tables(rows: Sequence[Row]) -> Iterator[tuple[str, list[list[str]]]]:
    """Yield the tables: a title, and the cells, the head first."""
    for (scenario, title, backend), group in groupby(
        rows, lambda row: (row.scenario, row.title, row.backend)
    ):
        columns = COLUMNS[scenario]
        lines = [[scenario, *(column.head for column in columns)]]
        lines += [[row.case, *cells(row, columns)] for row in group]
        yield f"{title} ({backend})", lines


def cells(row: Row, columns: Sequence[Column]) -> list[str]:
    """Return the figures of one row; why there are none where it failed."""
    if row.failed:
        return [f"failed: {row.failed}", *[""] * (len(columns) - 1)]
    median = row.median()
    told = [
        worst(row, column.figure) if column.worst else median.get(column.figure)
        for column in columns
    ]
    return [
        "" if value is None else count(value, column.unit)
        for column, value in zip(columns, told, strict=True)
    ]


def worst(row: Row, figure: str) -> float:
    """Return the largest of a figure over all runs."""
    return max(run[figure] for run in row.runs if figure in run)


def count(value: float, unit: float) -> str:
    """Return a figure; a whole number below a thousand stays one."""
    told = value / unit
    return f"{told:.0f}" if unit == 1 and value == int(value) else number(told)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    head, *rest = lines
    out = [head, ["---", *["---:"] * (len(head) - 1)], *rest]
    return "".join(f"| {' | '.join(line)} |\n" for line in out)


def missed(rows: Sequence[Row]) -> list[str]:
    """Return what takes longer than it is meant to, in words."""
    found: list[str] = []
    for row in rows:
        figure, most = TARGETS.get((row.scenario, row.case), ("", 0.0))
        if figure and row.runs and row.median()[figure] > most:
            took = number(row.median()[figure])
            found.append(f"*{row.case}* ({row.backend}) takes {took} ms; {most:.0f} are the aim.")
    return found
