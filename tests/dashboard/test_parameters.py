"""What a query may say."""

from __future__ import annotations

import pytest

from soniq.dashboard.api.parameters import AFTER, LIMIT, QUERY, TASK, WINDOW, Parameter, read_query
from soniq.dashboard.problem import Refused
from tests.support.dashboard import NOBODYS_ID

KNOWN = (LIMIT, AFTER, QUERY, WINDOW, TASK)


def test_what_is_not_said_has_its_default() -> None:
    """Fifty of the last hour, from the beginning, whatever they are."""
    assert read_query(KNOWN, []) == {
        "limit": 50,
        "after": None,
        "q": "",
        "window": 3600.0,
        "task": None,
    }


def test_what_is_said_is_read_by_its_kind() -> None:
    """Numbers are numbers, ids are in their usual form, texts are as they are."""
    given = [("limit", "200"), ("after", NOBODYS_ID.upper()), ("window", "60.5"), ("q", " ü ")]
    read = read_query(KNOWN, given)
    assert (read["limit"], read["after"], read["window"]) == (200, NOBODYS_ID, 60.5)
    assert read["q"] == " ü "


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("limit", "0")], "from 1 to 200"),
        ([("limit", "201")], "from 1 to 200"),
        ([("limit", "1e2")], "whole number"),
        ([("limit", "10" * 3000)], "whole number"),
        ([("limit", "")], "whole number"),
        ([("window", "nan")], "seconds"),
        ([("window", "inf")], "seconds"),
        ([("window", "-1")], "seconds"),
        ([("after", "x")], "no id"),
        ([("q", "x" * 1001)], "1001 characters"),
        ([("q", "a\0b")], "no stored text"),
        ([("q", "\ud800")], "no stored text"),
        ([("limits", "5")], "known here are `limit`, `after`"),
        ([("limit", "5"), ("limit", "6")], "twice"),
    ],
    ids=str,
)
def test_anything_else_is_refused(given: list[tuple[str, str]], words: str) -> None:
    """With 400, and with what would be right."""
    with pytest.raises(Refused, match=words) as refused:
        read_query(KNOWN, given)
    assert refused.value.problem.status == 400


def test_what_must_be_said_is_missed() -> None:
    """A parameter that is required has no default."""
    with pytest.raises(Refused, match="missing"):
        read_query([Parameter("q", "text", "", required=True)], [])
