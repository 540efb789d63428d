"""Whether what arrives equals what was given, and where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from soniq.arguments.flaws import Flaw, step_of
from soniq.arguments.kinds import is_dict, is_sequence, is_set
from soniq.errors import InvalidArguments


class Difference(Flaw):
    """A place where what would arrive is not what was given."""

    def __init__(self, given: object, back: object, what: str = "is") -> None:
        """Keep both values; the places where they stand follow."""
        super().__init__(what)
        self.given = given
        self.back = back

    @property
    def name(self) -> str:
        """The name of the argument that differs."""
        return str(self.steps[-1])

    def refusal(self, reason: str | None = None) -> InvalidArguments:
        """Return the error that says what would arrive, and the cure.

        ``reason``: why the parameter's annotation is of no use, if so.
        """
        path = self.path("args")
        given, back = type(self.given).__name__, type(self.back).__name__
        if reason is not None:
            cure = f"the annotation of {self.name!r} can't be used ({reason}): mend it"
        elif given == back:
            message = f"{path} would not arrive as it was given: its JSON form leaves out a part."
            return InvalidArguments(message, path=path)
        else:
            cure = f"annotate the parameter {self.name!r} as holding {given}"
        what = f"{path} {self.reason} of type {given}"
        message = f"{what} but would arrive as {back}: {cure}, or pass {back}."
        return InvalidArguments(message, path=path)


def find_difference(given: Any, back: Any) -> Difference | None:
    """Return the first place where ``back`` is not equal to ``given`` in value and type, or None.

    A subclass that equals its base (a Counter and a dict) and an integer where a float is asked for
    pass; members of enums and bools do not pass for anything else.
    """
    pairs: Iterable[tuple[Any, tuple[Any, Any]]]
    if is_sequence(given) and is_sequence(back) and is_same_shape(given, back):
        pairs = enumerate(zip(given, back, strict=True))
    elif is_dict(given) and is_dict(back):
        if not is_same_set(given.keys(), back.keys()):
            return key_difference(given, back)
        pairs = ((key, (value, back[key])) for key, value in given.items())
    else:
        same = is_same_kind(given, back) and is_same(given, back)
        return None if same else Difference(given, back)
    for step, (one, other) in pairs:
        difference = find_difference(one, other)
        if difference is not None:
            difference.steps.append(step_of(step))
            return difference
    return None


def key_difference(given: dict[Any, Any], back: dict[Any, Any]) -> Difference:
    """Return the difference between dicts whose keys are not the same."""
    arrived: set[tuple[type, Any]] = {(type(key), key) for key in back}
    strangers = [key for key in given if (type(key), key) not in arrived]
    if strangers and not isinstance(strangers[0], str):
        return Difference(strangers[0], "", what="has a key that is")
    return Difference(given, back)


def is_same_shape(given: Sequence[Any], back: Sequence[Any]) -> bool:
    """Tell whether two sequences are of one type and length."""
    return type(given) is type(back) and len(given) == len(back)


def is_same_kind(given: object, back: object) -> bool:
    """Tell whether a value can stand for another by its type."""
    kind, arrived = type(given), type(back)
    if kind is arrived or (kind is int and arrived is float):
        return True
    return isinstance(given, arrived) and not isinstance(given, Enum | bool)


def is_same(given: object, back: object) -> bool:
    """Tell whether values are equal; those without ``__eq__`` of their own are, field by field."""
    if given is back:
        return True
    if is_set(given):
        return is_same_set(given, back)
    if getattr(type(given), "__eq__", None) is object.__eq__ and not isinstance(given, Enum):
        return hasattr(given, "__dict__") and find_difference(vars(given), vars(back)) is None
    return bool(given == back)


def is_same_set(given: Any, back: Any) -> bool:
    """Tell whether sets are equal in values and types (1 and True are equal, but not the same)."""
    return bool(given == back) and set(map(type, given)) == set(map(type, back))
