"""Arguments of a shape that was met before are written as those of a new one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from soniq.arguments import ArgumentCodec
from tests.support.samples import LIMIT

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
SCALARS = TEXT | st.integers() | st.booleans() | st.none()


def take(**anything: Any) -> None:
    """Take whatever comes."""


@given(st.dictionaries(TEXT, SCALARS, max_size=5))
def test_the_same_text_both_ways(arguments: dict[str, Any]) -> None:
    """The second text is, byte for byte, the one of the long way, and is read back as given."""
    codec = ArgumentCodec(take)
    first = codec.bind_and_encode(arguments, "any", max_bytes=LIMIT)
    assert codec.bind_and_encode(arguments, "any", max_bytes=LIMIT) == first
    assert codec.encode(arguments, max_bytes=LIMIT) == first
    assert codec.restore(first) == arguments
