from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.sources import SOURCE, files, parse, place

STATEMENT = re.compile(
    r"\bSELECT\b.+\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\b\s+\w+\s+\bSET\b|\bDELETE\s+FROM\b"
    r"|\b(CREATE|ALTER|DROP)\s+(TABLE|INDEX)\b",
    re.DOTALL,
)


def is_sql(text: str) -> bool:
    """Tell whether a text holds an SQL statement."""
    return STATEMENT.search(text) is not None


# The statements there are cures: told to people, and run by nothing.
TOLD = SOURCE / "doctor"


def test_sql_stays_in_backends() -> None:
    """No SQL statement stands outside of backends/."""
    strays = [
        place(path, node)
        for path in files()
        if not path.is_relative_to(SOURCE / "backends") and not path.is_relative_to(TOLD)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and is_sql(node.value)
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT id\nFROM soniq_jobs", True),
        ("INSERT INTO soniq_jobs VALUES (1)", True),
        ("UPDATE soniq_jobs SET queue = 'x'", True),
        ("DELETE FROM soniq_jobs", True),
        ("CREATE TABLE soniq_jobs (id text)", True),
        ("Select a queue from the list.", False),
        ("Update the settings", False),
    ],
)
def test_sql_is_told_from_prose(text: str, *, sql: bool) -> None:
    """The search finds statements and leaves sentences alone."""
    assert is_sql(text) is sql
