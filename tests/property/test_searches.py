"""Searches survive their words."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from soniq import JobStatus
from soniq.durations import LONGEST, read_duration, spell_duration
from soniq.errors import InvalidSearch
from soniq.search import ArgumentIs, JobSearch, parse_search, spell

TEXTS = st.none() | st.text()
COUNTS = st.none() | st.integers(min_value=0, max_value=999_999_999)
AGES = st.floats(min_value=0, max_value=LONGEST) | st.integers(min_value=0, max_value=10**9)
ARGUMENTS = st.builds(ArgumentIs, st.lists(st.text(), min_size=1).map(tuple), st.text())
SEARCHES = st.builds(
    JobSearch,
    queue=TEXTS,
    status=st.none() | st.sampled_from(JobStatus),
    name=TEXTS,
    worker=TEXTS,
    error=TEXTS,
    args=st.lists(ARGUMENTS, max_size=3).map(tuple),
    attempts_from=COUNTS,
    attempts_to=COUNTS,
    older_than=st.none() | AGES,
    younger_than=st.none() | AGES,
    text=TEXTS,
    reason=TEXTS,
)
# Text of what the language is made of: far more of it means something.
WORDS = st.text(alphabet='args.task:"\\ <>=1h\n\x00ü')


@given(SEARCHES)
def test_spelled_and_read_again(search: JobSearch) -> None:
    """The words of a search mean that search."""
    assert parse_search(spell(search)) == search


@given(WORDS)
@example('"' * 50_000)
@example('"\\' * 50_000)
@example("args" + '."a"' * 20_000)
def test_any_text_is_a_search_or_refused(text: str) -> None:
    """Nothing but InvalidSearch comes of any text; what is read can be spelled."""
    with suppress(InvalidSearch):
        search = parse_search(text)
        assert parse_search(spell(search)) == search


@given(AGES)
def test_durations(seconds: float) -> None:
    """Not a microsecond is lost."""
    assert read_duration(spell_duration(seconds)) == seconds
