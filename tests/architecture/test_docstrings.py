from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.sources import Definition, files, parse, place


def public(tree: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """Yield the public classes, functions and methods of a module or class, overloads left out."""
    for node in tree.body:
        if isinstance(node, Definition) and not is_private(node) and not is_overload(node):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def is_private(node: Definition) -> bool:
    """Tell whether a definition is nobody else's business; constructors belong to their class."""
    return node.name == "__init__" or (node.name.startswith("_") and not node.name.endswith("__"))


def is_overload(node: Definition) -> bool:
    """Tell whether a definition only describes another signature of the next one."""
    return any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)


def undocumented(path: Path) -> list[str]:
    """Return where a file promises nothing."""
    module = parse(path)
    nodes: list[ast.Module | Definition] = [module, *public(module)]
    return [place(path, node) for node in nodes if not ast.get_docstring(node)]


def test_everything_public_promises_something() -> None:
    """Every module and every public class, function and method has a docstring."""
    assert [where for path in files() for where in undocumented(path)] == []


def test_a_missing_docstring_is_found() -> None:
    """The check can fail: a bare function counts, an overload does not."""
    source = '"""Doc."""\n@overload\ndef f(): ...\ndef f(): ...\ndef _g(): ...\n'
    names = [node.name for node in public(ast.parse(source))]
    assert names == ["f"]
