from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import files, parse, place

MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "yaml", "jsonpickle"}
CALLS = {"eval", "exec", "compile", "__import__"}


def unsafe(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every place that would turn stored data into code."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if any(n.name.split(".")[0] in MODULES for n in names):
                yield node
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                yield node
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                yield node
            case _:
                pass


def test_stored_data_never_becomes_code() -> None:
    """The package neither unpickles nor evaluates nor executes anything."""
    assert [place(path, node) for path in files() for node in unsafe(parse(path))] == []


@pytest.mark.parametrize(
    "code",
    ["import pickle", "from marshal import loads", "import yaml.nodes", "eval(x)", "exec('1')"],
)
def test_unsafe_code_is_found(code: str) -> None:
    """The check can fail: each unsafe form is found."""
    assert list(unsafe(ast.parse(code)))
