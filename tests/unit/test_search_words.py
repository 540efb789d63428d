"""The words of a search, one by one; that every search survives them is a property test."""

from __future__ import annotations

import pytest

from soniq import JobStatus
from soniq.errors import InvalidSearch
from soniq.search import ArgumentIs, JobSearch, parse_search, spell

READ: dict[str, JobSearch] = {
    "": JobSearch(),
    "  \t\n": JobSearch(),
    "mail": JobSearch(text="mail"),
    '"state:queued"': JobSearch(text="state:queued"),
    "task:mail.*": JobSearch(name="mail.*"),
    " task:mail.send\tqueue:default ": JobSearch(name="mail.send", queue="default"),
    "state:processing": JobSearch(status=JobStatus.PROCESSING),
    "worker:01a9": JobSearch(worker="01a9"),
    "reason:timeout": JobSearch(reason="timeout"),
    'error:"timed out"': JobSearch(error="timed out"),
    r'error:"\"C:\\x\n\""': JobSearch(error=r'"C:\x\n"'),
    "error:a:b.c\\": JobSearch(error="a:b.c\\"),
    'queue:""': JobSearch(queue=""),
    "args.user.id:42": JobSearch(args=(ArgumentIs(("user", "id"), "42"),)),
    'args."a.b"."":"x y"': JobSearch(args=(ArgumentIs(("a.b", ""), "x y"),)),
    r'args."q\"":1 args.ключ:ü': JobSearch(
        args=(ArgumentIs(('q"',), "1"), ArgumentIs(("ключ",), "ü"))
    ),
    "args.items.0:>5": JobSearch(args=(ArgumentIs(("items", "0"), ">5"),)),
    "attempts:3": JobSearch(attempts_from=3, attempts_to=3),
    "attempts:>3": JobSearch(attempts_from=4),
    "attempts:>=3": JobSearch(attempts_from=3),
    "attempts:<=2": JobSearch(attempts_to=2),
    "attempts:<2 attempts:>0": JobSearch(attempts_from=1, attempts_to=1),
    "age:>1h": JobSearch(older_than=3600),
    "age:<=1h30m age:>=5m": JobSearch(older_than=300, younger_than=5400),
    "age:>0": JobSearch(older_than=0),
}
REFUSED = {
    "status:queued": "Unknown word 'status'.*state:",
    "https://x": "Unknown word 'https'.*quotes",
    "task.a:b": "Unknown word 'task.a'",
    "state:dead": "queued, processing, done, cancelled",
    "state:queued state:done": "'state:done' comes too late",
    "attempts:3 attempts:>1": "too late",
    "one two": "'two' comes too late",
    "task:": "lacks a value",
    "args.a:": 'args.a:"" looks for empty text',
    "args:1": "which argument",
    "args..a:1": "Can't read 'args..a:1'",
    ":x": "Can't read ':x'",
    'error:"open': "close each quote",
    'say"so"': "Can't read",
    'error:"a"b': "Can't read",
    "attempts:many": "attempts:>3",
    "attempts:<0": "attempts:>3",
    "attempts:>": "attempts:>3",
    "attempts:1000000000": "attempts:>3",
    "age:1h": "age:>1h for older",
    "age:>1": "number and a unit",
    "age:>9999w9999999d": "too long",
}


@pytest.mark.parametrize("text", READ)
def test_words_are_read(text: str) -> None:
    """Each word gives its condition."""
    assert parse_search(text) == READ[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_word_is_refused(text: str) -> None:
    """The error names the word and says what to write."""
    with pytest.raises(InvalidSearch, match=REFUSED[text]) as caught:
        parse_search(text)
    assert isinstance(caught.value, ValueError)


def test_the_shortest_words_are_spelled() -> None:
    """What people read back is what they would have written."""
    for text in ("mail state:done task:mail.* error:timeout", "attempts:3 age:>1h age:<90m"):
        assert spell(parse_search(text)) == text
    assert spell(parse_search("age:<1.5s attempts:>1")) == "attempts:>=2 age:<1.5s"
    assert spell(JobSearch()) == ""
