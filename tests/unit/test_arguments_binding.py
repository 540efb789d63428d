from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Optional
from uuid import UUID

import pytest

from soniq.arguments import ArgumentCodec
from soniq.context import JobContext
from soniq.errors import InvalidArguments

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]

    import soniq
from tests.support.samples import ID, LIMIT, Plain, Point


def send(to: str, subject: str = "", *, ctx: JobContext) -> None:
    """Take the context as usual."""


def anything(to: str, **more: Any) -> None:
    """Take any further name."""


def by_any_name(job: JobContext, to: str) -> None:
    """Call the context otherwise, and first."""


def maybe(to: str, ctx: JobContext | None = None) -> None:
    """Do without a context outside of workers."""


def optionally(to: str, ctx: Optional[JobContext] = None) -> None:  # noqa: UP045 - that spelling
    """Say the same in the old way."""


def annotated(to: str, ctx: Annotated[JobContext, "facts"]) -> None:
    """Add facts for others to the type."""


def for_checkers(to: str, ctx: soniq.JobContext) -> None:
    """Name a type that is imported for type checkers only."""


def half_known(order: UUID, thing: Unknown, ctx: JobContext) -> None:
    """Name a type that nobody can find."""


def add(a: int, b: int) -> int:
    """Need two arguments."""
    return a + b


def uses_later(x: Later) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Name a type that is defined after the codec was made."""


class Sender:
    """Handlers that are no functions."""

    def __call__(self, to: str, ctx: JobContext) -> None:
        """Be a callable object."""

    def method(self, to: str, ctx: JobContext) -> None:
        """Be a bound method."""


@functools.wraps(send)
def wrapped(*args: Any, **kwargs: Any) -> None:
    """Hide the signature behind another."""


@pytest.mark.parametrize(
    ("handler", "names"),
    [
        (send, ("ctx",)),
        (anything, ()),
        (by_any_name, ("job",)),
        (maybe, ("ctx",)),
        (optionally, ("ctx",)),
        (annotated, ("ctx",)),
        (for_checkers, ("ctx",)),
        (half_known, ("ctx",)),
        (Sender(), ("ctx",)),
        (Sender().method, ("ctx",)),
        (wrapped, ("ctx",)),
        (functools.partial(send, subject="x"), ("ctx",)),
    ],
)
def test_a_parameter_annotated_with_the_context_is_found(
    handler: Callable[..., Any], names: tuple[str, ...]
) -> None:
    """JobContext is known by its type, in every spelling and kind of callable."""
    assert ArgumentCodec(handler).context_parameters == names


@pytest.mark.parametrize("handler", [send, maybe, annotated, wrapped, Sender(), Sender().method])
def test_the_context_is_neither_needed_nor_taken(handler: Callable[..., Any]) -> None:
    """The worker fills the context in, so callers may not."""
    argument_codec = ArgumentCodec(handler)
    argument_codec.bind({"to": "a"}, "mail.send")
    with pytest.raises(TypeError, match=r"'ctx' of 'mail\.send' is its JobContext"):
        argument_codec.bind({"to": "a", "ctx": 1}, "mail.send")


def test_a_stored_context_is_refused() -> None:
    """Nobody can smuggle a context in through the database."""
    with pytest.raises(InvalidArguments, match=r"args\.ctx"):
        ArgumentCodec(send).restore('{"to":"a","ctx":{}}')


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, r"'mail\.send' needs the argument 'to'\."),
        ({"too": "a"}, r"'mail\.send' takes no argument 'too'\. Did you mean 'to'\?"),
        ({"to": "a", "zzz": 1}, r"takes no argument 'zzz'\. It takes: to, subject\."),
        ({"to": "a", 1: 1}, r"takes no argument 1"),
    ],
)
def test_arguments_that_do_not_fit_are_a_type_error(arguments: Any, words: str) -> None:
    """A missing or unexpected argument is named, with task and nearest name."""
    with pytest.raises(TypeError, match=words):
        ArgumentCodec(send).bind(arguments, "mail.send")


def test_two_missing_arguments_are_both_named() -> None:
    """Whoever forgot two arguments learns it at once."""
    with pytest.raises(TypeError, match="needs the arguments 'a', 'b'"):
        ArgumentCodec(add).bind({}, "sum")


def test_a_handler_with_kwargs_takes_any_name() -> None:
    """``**kwargs`` accepts what is not named, and it travels as plain JSON."""
    argument_codec = ArgumentCodec(anything)
    argument_codec.bind({"to": "a", "cc": ["b"]}, "mail.send")
    text = argument_codec.encode({"to": "a", "cc": ["b"]}, max_bytes=LIMIT)
    assert argument_codec.restore(text) == {"to": "a", "cc": ["b"]}
    with pytest.raises(TypeError, match="takes no argument 1"):
        argument_codec.bind({"to": "a", 1: 2}, "mail.send")


def test_a_partial_needs_less() -> None:
    """What a partial has bound already has a default."""
    ArgumentCodec(functools.partial(send, to="a")).bind({}, "mail.send")


def test_types_defined_further_down_are_found() -> None:
    """Annotations are resolved at first use, so they may name what follows."""
    argument_codec = ArgumentCodec(uses_later)
    globals()["Later"] = Point
    try:
        text = argument_codec.encode({"x": Point(1)}, max_bytes=LIMIT)
        assert argument_codec.restore(text) == {"x": Point(1)}
    finally:
        del globals()["Later"]


def test_an_unresolvable_annotation_spoils_no_other() -> None:
    """A name that only type checkers know counts as no annotation; its neighbours keep theirs."""
    argument_codec = ArgumentCodec(half_known)
    text = argument_codec.encode({"order": ID, "thing": [1]}, max_bytes=LIMIT)
    assert argument_codec.restore(text) == {"order": ID, "thing": [1]}


def test_an_annotation_that_pydantic_refuses_counts_as_none() -> None:
    """Plain values pass, others are refused with the reason why the annotation is of no use."""

    def handler(x: Plain, order: UUID) -> None: ...

    argument_codec = ArgumentCodec(handler)
    text = argument_codec.encode({"x": 1, "order": ID}, max_bytes=LIMIT)
    assert argument_codec.restore(text) == {"x": 1, "order": ID}
    with pytest.raises(InvalidArguments, match="annotation of 'x' can't be used"):
        argument_codec.encode({"x": ID, "order": ID}, max_bytes=LIMIT)


def old_none(x: None) -> None:
    """Ask for nothing."""


def test_a_parameter_may_ask_for_none() -> None:
    """None is a type like others."""
    argument_codec = ArgumentCodec(old_none)
    text = argument_codec.encode({"x": None}, max_bytes=LIMIT)
    assert argument_codec.restore(text) == {"x": None}
