"""Arguments of a shape that was met before take a shorter way, and arrive all the same."""

from __future__ import annotations

from typing import Any

import pytest

from soniq.arguments import ArgumentCodec
from soniq.arguments.codec import MOST_SHAPES
from soniq.errors import ArgumentsTooLarge, InvalidArguments
from tests.support.samples import LIMIT


def take(**anything: Any) -> None:
    """Take whatever comes."""


def send(to: str, copies: int = 1) -> None:
    """Take a text and a number."""


def encode(codec: ArgumentCodec, limit: int = LIMIT, **arguments: Any) -> str:
    """Return the text of the arguments."""
    return codec.bind_and_encode(arguments, "mail.send", max_bytes=limit)


@pytest.mark.parametrize(
    "text", ["\x00", "\ud800", "a" * LIMIT], ids=["NUL", "surrogate", "too large"]
)
def test_a_known_shape_excuses_no_flaw(text: str) -> None:
    """What databases can't hold is refused with its path, whatever was let pass before."""
    codec = ArgumentCodec(send)
    for to in ("a", "b"):
        encode(codec, to=to, copies=2)
    with pytest.raises(InvalidArguments) as caught:
        encode(codec, to=text, copies=2)
    assert caught.value.path == ("args" if len(text) > 1 else "args.to")


def test_numbers_of_too_many_digits_are_refused() -> None:
    """A known shape does not let an integer through that Python would not read again."""
    codec = ArgumentCodec(send)
    encode(codec, to="a", copies=2)
    with pytest.raises(InvalidArguments, match=r"args\.copies is an integer of too many digits"):
        encode(codec, to="a", copies=10**5000)


def test_the_limit_counts_bytes() -> None:
    """Text that just fits is taken, one byte more is not; both ways count alike."""
    codec = ArgumentCodec(send)
    size = len(encode(codec, to="\N{PARTY POPPER}").encode())
    assert encode(codec, size, to="\N{PARTY POPPER}") == '{"to":"\N{PARTY POPPER}"}'
    with pytest.raises(ArgumentsTooLarge):
        encode(codec, size - 1, to="\N{PARTY POPPER}")


def test_another_type_is_another_shape() -> None:
    """True is equal to 1 and is not let pass for it; names are looked at, too."""
    codec = ArgumentCodec(send)
    encode(codec, to="a", copies=1)
    with pytest.raises(InvalidArguments):
        encode(codec, to="a", copies=True)
    with pytest.raises(TypeError, match="needs the argument"):
        encode(codec, copies=1)
    with pytest.raises(TypeError, match="takes no argument"):
        encode(codec, to="a", copies=1, cc="b")


def test_shapes_do_not_pile_up() -> None:
    """A handler that takes any names meets ever new ones; only so many are kept."""
    codec = ArgumentCodec(take)
    for number in range(3 * MOST_SHAPES):
        assert encode(codec, **{f"n{number}": 1}) == f'{{"n{number}":1}}'
    assert len(codec._fitting) <= MOST_SHAPES
