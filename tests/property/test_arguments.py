"""Equal in is equal out, or refused: for whatever Hypothesis can think of."""

from __future__ import annotations

import enum
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict
from typing_extensions import TypedDict

from soniq.arguments import (
    ArgumentCodec,
    decode,
    encode_plain,
    encode_result,
    fingerprint,
)
from soniq.errors import InvalidArguments
from tests.support.samples import LIMIT, Color, Plain, Region, codec

T = TypeVar("T")


class Number(enum.IntEnum):
    """An enum whose members are numbers."""

    ONE = 1


class Pair(NamedTuple):
    """A tuple with names."""

    left: int
    right: UUID


class Options(TypedDict, total=False):
    """A dict with known keys."""

    day: date
    count: int


@dataclass
class Address:
    """A dataclass with rich fields."""

    street: str
    since: date | None
    tags: frozenset[str]
    raw: bytes = b""


class User(BaseModel):
    """A model that holds others; what its bytes look like in JSON is for a model to say."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    name: str
    id: UUID
    addresses: list[Address]
    balance: Decimal | None = None


NASTY_TEXT = st.text(st.characters()) | st.sampled_from(
    ["\x00", "\ud800", "\udfff\ud800", "\\u0000", "\u2028", "é", "😀", "NaN", '"', "\\"]
)
NASTY_NUMBER = (
    st.integers()
    | st.floats()
    | st.sampled_from([-0.0, 1e308, 5e-324, 2**53 + 1, -(2**63), 2**64, 10**400, 1e22])
)
SCALAR = st.none() | st.booleans() | NASTY_NUMBER | NASTY_TEXT
ODD = st.binary() | st.uuids() | st.datetimes() | st.builds(Plain) | st.sampled_from([Region.EU])
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
KEY = NASTY_TEXT | st.integers() | st.none()


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return lists, tuples and dicts of values."""
    return st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEY, inner)


JSON = st.recursive(SCALAR, lambda inner: st.lists(inner) | st.dictionaries(NASTY_TEXT, inner))
SOUND_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=10,
)
ANYTHING = st.recursive(SCALAR | ODD, containers)
HINTS: list[Any] = [
    None,
    Any,
    str,
    int,
    float,
    bool,
    dict,
    list,
    dict[str, Any],
    list[Any],
    list[str],
    dict[str, int],
    dict[int, Any],
    int | str | None,
    float | str,
    UUID | str,
    tuple[Any, ...],
]
# A list is the JSON form of a tuple, and a dict with text for keys that of one with numbers.
TAKES_JSON_FORM = (dict[int, Any], tuple[Any, ...])


def is_alike(one: Any, other: Any) -> bool:
    """Tell whether values are the same down to types and the sign of zero."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(is_alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_alike, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)


def is_sound(value: Any) -> bool:
    """Tell whether a JSON value has nothing in it that must be refused."""
    if isinstance(value, dict):
        return all(is_sound(key) and is_sound(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_sound, value))
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return "\x00" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
    return True


def attempt(call: Callable[[], T]) -> T | InvalidArguments:
    """Return what a call returns, or the error with which it refuses; anything else is raised."""
    try:
        return call()
    except InvalidArguments as error:
        return error


@given(value=JSON)
def test_json_without_annotation_is_the_same_or_refused_with_reason(value: Any) -> None:
    """A sound JSON value arrives down to the bit; the others are refused, and only they."""
    bare = codec()
    if is_sound(value):
        assert is_alike(bare.restore(bare.encode({"x": value}, max_bytes=LIMIT))["x"], value)
        return
    with pytest.raises(InvalidArguments) as caught:
        bare.encode({"x": value}, max_bytes=LIMIT)
    assert caught.value.path.startswith("args.x")


@given(value=ANYTHING, hint=st.sampled_from(HINTS))
def test_anything_is_equal_back_or_refused(value: Any, hint: Any) -> None:
    """Whatever is given for whatever annotation: no silent change, no other exception."""
    one = codec(hint)
    text = attempt(lambda: one.encode({"x": value}, max_bytes=LIMIT))
    if isinstance(text, InvalidArguments):
        assert text.path.startswith("args.x")
        return
    back = one.restore(text)["x"]
    assert back == value or (hint in TAKES_JSON_FORM and json.loads(text)["x"] == value)
    again = one.encode({"x": back}, max_bytes=LIMIT)
    assert is_alike(one.restore(again)["x"], back)


@given(value=ANYTHING)
def test_without_a_handler_nothing_else_is_raised(value: Any) -> None:
    """encode_plain() gives an object or refuses; encode_result() never raises."""
    stored = attempt(lambda: encode_plain({"x": value}, max_bytes=LIMIT))
    if isinstance(stored, InvalidArguments):
        assert stored.path.startswith("args.x")
    else:
        assert decode(stored).keys() == {"x"}
    text, problem = encode_result(value)
    assert (text is None) != (problem is None)


@given(text=st.text() | JSON.map(lambda value: json.dumps({"x": value})))
def test_any_stored_text_is_restored_or_refused(text: str) -> None:
    """Whatever stands in the database, restoring raises InvalidArguments and nothing else."""
    for hint in (None, str, UUID, list[Address], User):
        restored = attempt(partial(codec(hint).restore, text))
        if isinstance(restored, InvalidArguments):
            assert restored.path.startswith("args")
        else:
            assert restored.keys() == {"x"}


@given(value=st.dictionaries(WORDS, SOUND_JSON))
def test_fingerprints_agree_exactly_where_arguments_do(value: dict[str, Any]) -> None:
    """The order of keys does not count; another value does."""
    text = encode_plain(value, max_bytes=LIMIT)
    turned = dict(reversed(value.items()))
    assert fingerprint(text) == fingerprint(encode_plain(turned, max_bytes=LIMIT))
    more = {**value, "another": not value.get("another")}
    assert fingerprint(text) != fingerprint(encode_plain(more, max_bytes=LIMIT))


ZONES = st.none() | st.integers(-1439, 1439).map(lambda n: timezone(timedelta(minutes=n)))
MOMENTS = st.datetimes(timezones=ZONES)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers()
ADDRESSES = st.builds(
    Address,
    street=WORDS,
    since=st.none() | st.dates(),
    tags=st.frozensets(WORDS),
    raw=st.binary(),
)
USERS = st.builds(
    User,
    name=WORDS,
    id=st.uuids(),
    addresses=st.lists(ADDRESSES, max_size=2),
    balance=st.none() | DECIMALS,
)
TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (str, WORDS),
    (int, INTEGERS),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (bytes, st.binary()),
    (datetime, MOMENTS),
    (date, st.dates()),
    (time, st.times()),
    (timedelta, st.timedeltas()),
    (UUID, st.uuids()),
    (Decimal, DECIMALS),
    (Color, st.sampled_from(Color)),
    (Region, st.sampled_from(Region)),
    (Number, st.sampled_from(Number)),
    (Address, ADDRESSES),
    (User, USERS),
    (Pair, st.builds(Pair, INTEGERS, st.uuids())),
    (Options, st.fixed_dictionaries({}, optional={"day": st.dates(), "count": INTEGERS})),
    (set[int], st.sets(INTEGERS)),
    (frozenset[UUID], st.frozensets(st.uuids())),
    (tuple[int, str], st.tuples(INTEGERS, WORDS)),
    (tuple[date, ...], st.lists(st.dates()).map(tuple)),
    (Literal["a", 1], st.sampled_from(["a", 1])),
    (UUID | None, st.none() | st.uuids()),
    (int | UUID, INTEGERS | st.uuids()),
    (int | str, INTEGERS | WORDS),
    (list[list[UUID]], st.lists(st.lists(st.uuids(), max_size=3), max_size=3)),
    (dict[str, set[date]], st.dictionaries(WORDS, st.sets(st.dates()), max_size=3)),
    (dict[int, bytes], st.dictionaries(INTEGERS, st.binary(), max_size=3)),
    (dict[UUID, Address], st.dictionaries(st.uuids(), ADDRESSES, max_size=2)),
]


@pytest.mark.parametrize(("hint", "values"), TYPES, ids=[str(hint) for hint, _ in TYPES])
def test_accepted_types_come_back_in_value_and_type(
    hint: Any, values: st.SearchStrategy[Any]
) -> None:
    """Every value of an accepted type is accepted, and arrives equal and of the same type."""
    one: ArgumentCodec = codec(hint)

    @given(value=values)
    def check(value: Any) -> None:
        text = one.encode({"x": value}, max_bytes=LIMIT)
        assert is_alike(one.restore(text)["x"], value)
        again = one.encode(one.restore(text), max_bytes=LIMIT)
        assert fingerprint(again) == fingerprint(text)

    check()


@pytest.mark.parametrize(
    ("hint", "value", "text"),
    [
        (datetime, datetime(2026, 1, 2, 3, 4, 5, 6, UTC), '"2026-01-02T03:04:05.000006Z"'),
        (datetime, datetime(2026, 1, 2, 3, 4, 5), '"2026-01-02T03:04:05"'),  # noqa: DTZ001
        (date, date(2026, 1, 2), '"2026-01-02"'),
        (time, time(3, 4, 5), '"03:04:05"'),
        (timedelta, timedelta(days=1, seconds=1.5), '"P1DT1.5S"'),
        (UUID, UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Decimal, Decimal("1.50"), '"1.50"'),
        (Color, Color.RED, '"red"'),
        (Number, Number.ONE, "1"),
        (bytes, b"\xff\x00", '"_wA="'),
        (set[str], {"b", "a"}, '["a","b"]'),
        (frozenset[int], frozenset({3, 1}), "[1,3]"),
        (tuple[int, str], (1, "a"), '[1,"a"]'),
        (
            Address,
            Address("é", date(2026, 1, 2), frozenset("ba"), b"\xff"),
            '{"street":"é","since":"2026-01-02","tags":["a","b"],"raw":"_w=="}',
        ),
        (float, -0.0, "-0.0"),
        (float, 1e308, "1e+308"),
        (int, 2**53 + 1, "9007199254740993"),
        (list[Any], [[], {}, "", None, 0], '[[],{},"",null,0]'),
    ],
)
def test_the_stored_form_of_each_type_stays(hint: Any, value: Any, text: str) -> None:
    """Jobs outlive a release: what is in the database must be read by the next one."""
    stored = f'{{"x":{text}}}'
    assert codec(hint).encode({"x": value}, max_bytes=LIMIT) == stored
    assert is_alike(codec(hint).restore(stored)["x"], value)
