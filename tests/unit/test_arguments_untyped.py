from __future__ import annotations

import json
import random
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field

from soniq.arguments import decode, encode_plain, encode_result, fingerprint
from soniq.arguments.model import check_model
from soniq.errors import InvalidArguments, TaskArgumentsInvalid
from tests.support.samples import (
    ID,
    LIMIT,
    Color,
    Furious,
    Plain,
    Point,
    doubling,
    endless,
    nested,
)

HASHING = """
import dataclasses
from soniq.arguments import ArgumentCodec, encode_plain
@dataclasses.dataclass
class Point:
    tags: set[str]
def handler(a: set[str], p: Point, n: frozenset[frozenset[str]]): ...
words = {"one", "two", "three", "four"}
given = {"a": words, "p": Point(words), "n": frozenset({frozenset(words), frozenset("xyz")})}
print(ArgumentCodec(handler).encode(given, max_bytes=9999), encode_plain(given, max_bytes=9999))
"""


def test_sets_have_one_text_in_every_process() -> None:
    """The order of a set depends on the process; the text, and so the unique key, does not."""
    texts = {
        subprocess.run(
            [sys.executable, "-c", HASHING],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
    assert '"a":["four","one","three","two"]' in texts.pop()


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    """Equal arguments have one fingerprint, however they were written."""
    members = [("a", 1), ("b", {"c": [1.0], "d": None}), ("é", "ü")]
    prints = set()
    for _ in range(5):
        random.shuffle(members)
        prints.add(fingerprint(json.dumps(dict(members))))
    assert len(prints) == 1
    assert len(prints.pop()) == 64


def test_a_fingerprint_tells_types_apart() -> None:
    """1, 1.0, true, "1" and null are different arguments."""
    texts = ['{"x":1}', '{"x":1.0}', '{"x":true}', '{"x":"1"}', '{"x":null}', '{"x":[1]}', "{}"]
    assert len(set(map(fingerprint, texts))) == len(texts)


# --- without a handler ----------------------------------------------------------------------------


def test_arguments_for_unknown_tasks_travel_by_their_own_types() -> None:
    """What pydantic can turn into JSON is taken for a task that lives elsewhere."""
    given = {
        "when": datetime(2026, 1, 1, tzinfo=UTC),
        "id": ID,
        "price": Decimal("1.50"),
        "color": Color.RED,
        "point": Point(1, {"b", "a"}),
        "tags": {"b", "a"},
        "pair": (1, 2),
        "raw": b"\xff",
    }
    assert decode(encode_plain(given, max_bytes=LIMIT)) == {
        "when": "2026-01-01T00:00:00Z",
        "id": str(ID),
        "price": "1.50",
        "color": "red",
        "point": {"x": 1, "tags": ["a", "b"]},
        "tags": ["a", "b"],
        "pair": [1, 2],
        "raw": "_w==",
    }


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ([float("nan")], "args.x[0]"),
        (["\x00"], "args.x[0]"),
        (["\ud800"], "args.x[0]"),
        ([{1: 2}], "args.x[0]"),
        ([Plain()], "args.x[0]"),
        ([{"a": (1, Plain())}], "args.x[0].a[1]"),
        (endless(), "args.x[0]"),
        (Point(float("nan")), "args.x.x"),  # type: ignore[arg-type]
        (Point(1, {"\x00"}), "args.x.tags[0]"),
    ],
)
def test_arguments_for_unknown_tasks_are_refused_alike(value: Any, path: str) -> None:
    """The same things are refused with or without a handler."""
    with pytest.raises(InvalidArguments) as caught:
        encode_plain({"x": value}, max_bytes=LIMIT)
    assert caught.value.path == path


def test_names_of_arguments_are_text() -> None:
    """``args={1: 2}`` is refused for unknown tasks too."""
    with pytest.raises(InvalidArguments, match="key that is of type int"):
        encode_plain({1: 2}, max_bytes=LIMIT)  # type: ignore[dict-item]


class Exploding:
    """Raises whenever it is looked at."""

    def __getattribute__(self, name: str) -> Any:
        """Raise what is not even an Exception."""
        raise SystemExit


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ({"n": 1}, '{"n":1}'),
        ((1, 2), "[1,2]"),
        (ID, f'"{ID}"'),
        (Point(1, {"b", "a"}), '{"x":1,"tags":["a","b"]}'),
        ("é", '"é"'),
    ],
)
def test_results_are_kept_as_json(value: Any, text: str) -> None:
    """A result is stored as its JSON form."""
    assert encode_result(value) == (text, None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Plain(), "type Plain"),
        ([float("nan")], "result[0] is nan"),
        ("\x00", "NUL"),
        (["\ud800"], "lone surrogate"),
        ({1: 2}, "key"),
        (endless(), "contains itself"),
        (nested(100_000), "deeper"),
        (doubling(60), "more than 1,048,576"),
        ("x" * 1024 * 1024, "1,048,578 bytes"),
        ([10**5000], "digits"),
    ],
)
def test_results_that_cannot_be_kept_are_a_problem_and_no_error(value: Any, words: str) -> None:
    """Whatever a handler returns, its success is not undone."""
    text, problem = encode_result(value)
    assert text is None
    assert problem is not None
    assert words in problem


def test_a_result_that_raises_when_looked_at_is_a_problem_too() -> None:
    """Not even a SystemExit out of a result gets through."""
    for value in (Exploding(), [Exploding()], {"a": Exploding()}):
        assert encode_result(value) == (
            None,
            "result can't be stored: looking at it raised SystemExit.",
        )


# --- models ---------------------------------------------------------------------------------------


class SendEmail(BaseModel):
    """The model of a task."""

    to: str
    tries: int = Field(default=1, ge=1)
    inner: list[Point] = []


class Strict(BaseModel):
    """A model that converts nothing."""

    model_config = ConfigDict(strict=True)
    order: UUID


def test_a_model_that_agrees_changes_nothing() -> None:
    """Arguments are checked, not converted."""
    given = {"to": "a"}
    check_model(SendEmail, given, "mail.send")
    assert given == {"to": "a"}


def test_a_model_that_refuses_tells_the_fields_without_values() -> None:
    """Every bad field is named; what was in it is not repeated."""
    given = {"tries": 0, "inner": [{"x": "s3cret"}]}
    with pytest.raises(TaskArgumentsInvalid) as caught:
        check_model(SendEmail, given, "mail.send")
    message = str(caught.value)
    assert "'mail.send' are refused by SendEmail" in message
    assert "args.to: Field required" in message
    assert "args.tries" in message
    assert "args.inner[0].x" in message
    assert "s3cret" not in message


def test_a_strict_model_takes_the_same_arguments_in_the_worker() -> None:
    """A UUID at enqueue is text in the database; a strict model must not refuse it there."""
    order = uuid.uuid4()
    check_model(Strict, {"order": order}, "orders.ship")
    check_model(Strict, {"order": str(order)}, "orders.ship")
    with pytest.raises(TaskArgumentsInvalid):
        check_model(Strict, {"order": "no"}, "orders.ship")


def test_a_model_that_raises_anything_refuses() -> None:
    """A broken validator of a model is the task's problem, not the worker's."""
    with pytest.raises(TaskArgumentsInvalid, match="Furious, the model of 'a', raised KeyError"):
        check_model(Furious, {"x": 1}, "a")
