from __future__ import annotations

import statistics
from collections.abc import Callable

from tests.architecture.sources import ROOT, files, functions, length, place

LONGEST_FILE = 400
LONGEST_FUNCTION = 50


def test_files_are_short() -> None:
    """No source file is longer than 400 lines."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files()
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_functions_fit_on_a_screen() -> None:
    """No function is longer than 50 lines, its docstring left out."""
    found = [(place(path, node), length(node)) for path, node in functions()]
    assert [(where, lines) for where, lines in found if lines > LONGEST_FUNCTION] == []


def test_most_functions_are_small(record_property: Callable[[str, object], None]) -> None:
    """Nine functions of ten have at most 25 lines; the report tells the figure."""
    p90 = statistics.quantiles((length(node) for _, node in functions()), n=10)[-1]
    record_property("p90 of function length", p90)
    assert p90 <= LONGEST_FUNCTION / 2
