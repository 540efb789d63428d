from __future__ import annotations

import dataclasses
import json
import sys
from collections import Counter, OrderedDict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from soniq.arguments import ArgumentCodec
from soniq.arguments.jsontext import write
from soniq.errors import ArgumentsTooLarge, InvalidArguments
from soniq.registry import Registry
from tests.support.samples import (
    ID,
    LIMIT,
    Color,
    Furious,
    Plain,
    Point,
    Region,
    codec,
    doubling,
    encode,
    endless,
    nested,
)


def refused(value: Any, hint: Any = None) -> InvalidArguments:
    """Return the error with which one argument is refused."""
    with pytest.raises(InvalidArguments) as caught:
        encode(value, hint)
    return caught.value


class Endless(dict[str, Any]):
    """Exhausts the stack of whoever looks into it."""

    def items(self) -> Any:
        """Raise as a very deep value would."""
        raise RecursionError


def explode(value: Any) -> Any:
    """Raise in a serializer."""
    raise KeyError(value)


def refuse_python(value: Any, info: ValidationInfo) -> Any:
    """Raise in a validator, but not for JSON."""
    if info.mode == "python":
        raise KeyError(value)
    return value


# --- refusing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("hint", [None, Any, dict, dict[str, Any], dict[str, list[Any]]])
@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        ({"a": [1, float("nan")]}, "args.x.a[1]", "nan"),
        ({"a": [float("inf")]}, "args.x.a[0]", "inf"),
        ({"a": [-float("inf")]}, "args.x.a[0]", "-inf"),
        ({"a b": ["\x00"]}, "args.x['a b'][0]", "NUL"),
        ({"a": ["\ud800"]}, "args.x.a[0]", "lone surrogate"),
        ({"a": ["\udc80\ud800"]}, "args.x.a[0]", "lone surrogate"),
        ({"\x00": [1]}, "args.x", "key that contains a NUL"),
        ({"a": [Plain()]}, "args.x.a[0]", "type Plain, which has no JSON form"),
        ({"a": [len]}, "args.x.a[0]", "no JSON form"),
        ({"a": [iter([])]}, "args.x.a[0]", "read only once"),
        ({"a": [10**5000]}, "args.x.a[0]", "too many digits"),
        ({"a": [Decimal("NaN")]}, "args.x.a[0]", "without a finite value"),
        ({"a": endless()}, "args.x.a[0]", "contains itself"),
        ({"a": [(1,)]}, "args.x.a[0]", "type tuple but would arrive as list"),
        ({"a": [{1}]}, "args.x.a[0]", "type set but would arrive as list"),
        ({"a": [b"x"]}, "args.x.a[0]", "type bytes but would arrive as str"),
        ({"a": [ID]}, "args.x.a[0]", "type UUID but would arrive as str"),
        ({"a": [Region.EU]}, "args.x.a[0]", "type Region but would arrive as str"),
        ({"a": [datetime(2026, 1, 1, tzinfo=UTC)]}, "args.x.a[0]", "would arrive as str"),
        ({"a": [{1: 2}]}, "args.x.a[0]", "has a key that is of type int"),
        ({"a": [{None: 2}]}, "args.x.a[0]", "has a key that is of type NoneType"),
        ({"a": [{1: 2, "1": 3}]}, "args.x.a[0]", "has a key that is of type int"),
        ({"a": [Endless()]}, "args", "nested too deeply"),
    ],
)
def test_what_would_not_arrive_is_refused_with_its_place(
    hint: Any, value: Any, path: str, words: str
) -> None:
    """Nothing is ever changed silently: the place, the reason and the cure are told."""
    error = refused(value, hint)
    assert error.path == path
    assert words in str(error)
    assert error.code == "SONIQ_ARGUMENTS_INVALID"


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1", int),
        (1.0, int),
        (True, int),
        (1, bool),
        ("1", float),
        (True, float),
        (2**53 + 1, float),
        (1, str),
        (datetime(2026, 1, 1, tzinfo=UTC), str),
        (Region.EU, str),
        (5, UUID),
        (5, datetime),
        (5, Decimal),
        (30, timedelta),
        ("c", Color),
        (str(ID).upper(), UUID),
        (str(ID), UUID | str),
        ("text", bytes),
        (["text"], list[bytes]),
        ({"a": "text"}, dict[str, bytes]),
        ([1, 1], set[int]),
        ({"x": 1, "tags": [], "extra": 1}, Point),
    ],
)
def test_a_value_of_another_type_than_asked_for_is_refused(value: Any, hint: Any) -> None:
    """The handler gets what its caller gave, or the caller hears of it."""
    assert refused(value, hint).path.startswith("args.x")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (str(ID), UUID, ID),
        ("2026-01-01T00:00:00Z", datetime, datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00+00:00", datetime, datetime(2026, 1, 1, tzinfo=UTC)),
        ("1.50", Decimal, Decimal("1.50")),
        ("red", Color, Color.RED),
        ([1, 2], tuple[int, ...], (1, 2)),
        ([2, 1], set[int], {1, 2}),
        ({"1": "a"}, dict[int, str], {1: "a"}),
        ({"x": 1, "tags": ["b", "a"]}, Point, Point(1, {"a", "b"})),
    ],
)
def test_the_json_form_of_a_rich_type_is_taken(value: Any, hint: Any, expected: Any) -> None:
    """A caller in another language has nothing but JSON."""
    assert codec(hint).restore(encode(value, hint)) == {"x": expected}


def test_json_forms_and_rich_values_may_be_mixed() -> None:
    """Each argument is judged by itself."""

    def handler(order: UUID, when: datetime) -> None: ...

    argument_codec = ArgumentCodec(handler)
    when = datetime(2026, 1, 1, tzinfo=UTC)
    text = argument_codec.encode({"order": str(ID), "when": when}, max_bytes=LIMIT)
    assert argument_codec.restore(text) == {"order": ID, "when": when}


@pytest.mark.parametrize("value", [Counter("aab"), OrderedDict(a=1), [Counter("a")]])
def test_a_subclass_that_equals_its_base_passes(value: Any) -> None:
    """A Counter equals the dict that arrives."""
    assert codec().restore(encode(value))["x"] == value


def test_values_without_eq_are_compared_by_their_fields() -> None:
    """A class that did not define equality can travel all the same."""

    @dataclasses.dataclass(eq=False)
    class Bare:
        x: int

    assert codec(Bare).restore(encode(Bare(3), Bare))["x"].x == 3


def test_a_field_that_is_left_out_of_json_is_noticed() -> None:
    """What a model hides from its JSON form would be lost."""

    class Hidden(BaseModel):
        shown: int
        secret: int = Field(default=0, exclude=True)

    assert encode(Hidden(shown=1), Hidden)
    assert "leaves out a part" in str(refused(Hidden(shown=1, secret=2), Hidden))


def test_bytes_in_a_model_that_wants_text_are_explained() -> None:
    """A model decides on its own JSON form; the message says which setting helps."""

    class Raw(BaseModel):
        data: bytes

    class Coded(BaseModel):
        model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
        data: bytes

    assert "ser_json_bytes" in str(refused(Raw(data=b"\xff"), Raw))
    assert codec(Coded).restore(encode(Coded(data=b"\xff"), Coded))["x"] == Coded(data=b"\xff")


def test_a_validator_that_raises_anything_is_a_misfit() -> None:
    """User code in types can't break a worker, and its message is not repeated."""
    with pytest.raises(InvalidArguments, match="raised KeyError") as at_enqueue:
        encode({"x": 1}, Furious)
    with pytest.raises(InvalidArguments, match="raised KeyError") as in_worker:
        codec(Furious).restore('{"x":{"x":1}}')
    assert "secret" not in f"{at_enqueue.value}{in_worker.value}"


def test_a_serializer_that_raises_anything_is_refused_by_name() -> None:
    """Where pydantic can't say which argument it was, we do."""
    error = refused(ID, Annotated[UUID, PlainSerializer(explode)])
    assert error.path == "args.x"
    assert "can't be turned into JSON by its type" in str(error)


def test_a_validator_that_raises_for_python_values_takes_json_forms() -> None:
    """What is given as JSON is judged as JSON."""
    hint = Annotated[UUID, BeforeValidator(refuse_python)]
    assert codec(hint).restore(encode(str(ID), hint)) == {"x": ID}


def test_text_is_only_written_of_what_json_has() -> None:
    """The last line of defence, for forms that pydantic would leave as they are."""
    with pytest.raises(InvalidArguments, match="args can't be written as JSON"):
        write({"a": Plain()}, root="args", max_bytes=LIMIT)


def test_depth_is_bounded() -> None:
    """A hundred levels survive; endless ones are refused whatever the stack allows."""
    for hint in (None, list, list[Any]):
        assert codec(hint).restore(encode(nested(100), hint)) == {"x": nested(100)}
        assert "deeper than 128" in str(refused(nested(200), hint))
        assert "deeper than 128" in str(refused(nested(100_000), hint))


def test_size_is_bounded() -> None:
    """The limit holds in bytes of UTF-8, to the byte, and the message helps."""
    assert len(encode("é" * 10, limit=28).encode()) == 28
    with pytest.raises(ArgumentsTooLarge, match=r"28 bytes.*27.*SONIQ_MAX_ARGS_BYTES"):
        encode("é" * 10, limit=27)
    assert isinstance(refused("x" * LIMIT), ArgumentsTooLarge)


@pytest.mark.parametrize("hint", [None, list, list[Any]])
def test_a_small_value_that_is_endless_when_written_is_refused_at_once(hint: Any) -> None:
    """Lists that share their parts can't eat the memory of the process."""
    assert isinstance(refused(doubling(60), hint), ArgumentsTooLarge)


# --- restoring ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("{}", "args.to", "Field required"),
        ('{"to":1}', "args.to", "valid string"),
        ('{"to":"a","n":1}', "args.n", "not permitted"),
        ("[]", "args", "not a JSON object"),
        ("null", "args", "not a JSON object"),
        ("{", "args", "not readable JSON"),
        ('{"to":NaN}', "args", "NaN is not JSON"),
        ("[" * 100_000, "args", "not readable JSON"),
    ],
)
def test_stored_text_that_does_not_fit_is_refused(text: str, path: str, words: str) -> None:
    """Whatever stands in the database, a handler is only called with what it asked for."""
    for handler in (plain, rich):
        with pytest.raises(InvalidArguments, match=words) as caught:
            ArgumentCodec(handler).restore(text)
        assert caught.value.path == path


def plain(to: str) -> None:
    """Take what JSON can carry."""


def rich(to: str, order: UUID | None = None) -> None:
    """Take what needs pydantic."""


def test_misfits_are_told_without_their_values() -> None:
    """Dead letters and logs do not repeat what may be secret."""

    class User(BaseModel):
        name: list[str]

    with pytest.raises(InvalidArguments) as caught:
        codec(User).restore('{"x":{"name":["a","b","c",12345]}}')
    assert caught.value.path == "args.x.name[3]"
    assert "12345" not in str(caught.value)


def test_members_of_unions_are_no_part_of_a_path() -> None:
    """Pydantic puts the type that it tried into the place; the data has no such step."""
    with pytest.raises(InvalidArguments) as caught:
        codec(dict[str, int | UUID]).restore('{"x":{"a":[]}}')
    assert caught.value.path == "args.x.a"


@pytest.mark.parametrize(
    "text",
    [
        '{"x":"os.system"}',
        '{"x":{"py/object":"xmlrpc.client.Marshaller"}}',
        '{"x":{"__class__":"xmlrpc.client","__reduce__":["os.system",["true"]]}}',
        '{"x":"!!python/object/apply:xmlrpc.client"}',
    ],
)
def test_data_never_becomes_code(text: str) -> None:
    """Names in stored arguments are text: nothing is imported and nothing is called."""
    for hint in (None, str | dict[str, Any], object):
        argument_codec = codec(hint)
        argument_codec.restore('{"x":{}}')
        before = set(sys.modules)
        assert argument_codec.restore(text) == json.loads(text)
        assert set(sys.modules) == before


def test_the_registry_never_imports_by_name() -> None:
    """A job name out of the database finds a registered task or nothing."""
    before = set(sys.modules)
    assert Registry(r".*").find("xmlrpc.client.Marshaller") is None
    assert set(sys.modules) == before
