"""The source files of Soniq, parsed: what the tests of this folder look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "soniq"

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef


def files() -> list[Path]:
    """Return every Python file of the package, sorted."""
    return sorted(SOURCE.rglob("*.py"))


@cache
def parse(path: Path) -> ast.Module:
    """Return the tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, node: ast.AST) -> str:
    """Return ``file:line`` of a node, relative to the repository."""
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def functions() -> Iterator[tuple[Path, Function]]:
    """Yield every function and method of the package."""
    for path in files():
        for node in ast.walk(parse(path)):
            if isinstance(node, Function):
                yield path, node


def length(function: Function) -> int:
    """Return the lines of a function from its ``def`` on, its docstring left out."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
