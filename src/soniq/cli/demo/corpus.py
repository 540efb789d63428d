"""The files that the demo works on, and what it counts in one of them."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

FOREIGN = frozenset({"site-packages", "dist-packages", "__pycache__"})
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True, slots=True)
class Counts:
    """What stands in a source file."""

    lines: int
    functions: int
    classes: int
    imports: int


def stdlib() -> Path:
    """Return the folder of the running Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def source_files(root: Path) -> list[str]:
    """Return the .py files below ``root``, relative to it and sorted; no installed packages."""
    found = (path.relative_to(root) for path in root.rglob("*.py"))
    return sorted(path.as_posix() for path in found if FOREIGN.isdisjoint(path.parts))


def count(path: Path) -> Counts:
    """Parse a file and count what is in it.

    Raises:
        SyntaxError, ValueError: it is not a source file of the running Python.
    """
    source = path.read_bytes()
    functions = classes = imports = 0
    for node in statements(ast.parse(source, filename=path.name).body):
        functions += isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        classes += isinstance(node, ast.ClassDef)
        imports += isinstance(node, ast.Import | ast.ImportFrom)
    return Counts(len(source.splitlines()), functions, classes, imports)


def statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield all statements of a tree; expressions, which hold none, are not entered."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        for block in BLOCKS:
            inner = getattr(node, block, None)
            # A lambda or conditional expression has a single node there.
            if isinstance(inner, list):
                waiting.extend(cast("list[ast.AST]", inner))
