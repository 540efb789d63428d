"""The page on searches: every example is read, every word and every reason is on it."""

from __future__ import annotations

import re

import pytest

from soniq.search import READERS, JobSearch, parse_search, spell
from soniq.why import CODES
from tests.architecture.sources import ROOT
from tests.docs.pages import blocks

PAGE = ROOT / "docs" / "reference" / "search.md"
TEXT = PAGE.read_text(encoding="utf-8")
WORDS, _, REST = TEXT.partition("## How far a search looks")
ROW = re.compile(r"^\| `(.+?)` \| ", re.MULTILINE)
EXAMPLES = ROW.findall(WORDS)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_search(example: str) -> None:
    """It looks for something, and what it is spelled as looks for the same."""
    search = parse_search(example)
    assert search != JobSearch()
    assert parse_search(spell(search)) == search


def test_every_word_is_on_the_page() -> None:
    """Also the arguments and bare text."""
    keys = {re.split(r"[:.]", example)[0] for example in EXAMPLES}
    assert {*READERS, "args", "mail"} <= keys


def test_the_commands_on_the_page_hold_searches() -> None:
    """What stands in quotes after a command is one."""
    shell = "".join(block.text for block in blocks(PAGE) if block.language == "sh")
    searches = re.findall(r"'([^']+)'", shell)
    assert searches
    assert all(parse_search(text) != JobSearch() for text in searches)


def test_every_reason_is_on_the_page() -> None:
    """In the order in which they are tried."""
    reasons = ROW.findall(REST.partition("## Why a job is not running")[2])
    assert tuple(reasons) == CODES
