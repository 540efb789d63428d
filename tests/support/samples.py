"""Values and types to send through the argument codec."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, field_validator

from soniq.arguments import ArgumentCodec

LIMIT = 256 * 1024
ID = UUID("0190a8e0-0000-7000-8000-000000000001")


class Color(enum.Enum):
    """An enum whose members are no text."""

    RED = "red"


class Region(enum.StrEnum):
    """An enum whose members are text."""

    EU = "eu"


@dataclasses.dataclass
class Point:
    """A dataclass with a set in it."""

    x: int
    tags: set[str] = dataclasses.field(default_factory=set)


class Plain:
    """Has no ``__eq__`` of its own and no JSON form."""


class Furious(BaseModel):
    """Its validator breaks the rules for validators."""

    x: int

    @field_validator("x")
    @classmethod
    def rage(cls, value: int) -> int:
        """Raise what pydantic does not expect."""
        message = f"secret {value}"
        raise KeyError(message)


def codec(hint: Any = None) -> ArgumentCodec:
    """Return the codec of a handler with one parameter ``x`` of that type; None leaves it bare."""

    def handler(x: Any) -> None:
        """Do nothing."""

    handler.__annotations__ = {} if hint is None else {"x": hint}
    return ArgumentCodec(handler)


def encode(value: Any, hint: Any = None, limit: int = LIMIT) -> str:
    """Return the text of one argument ``x``."""
    return codec(hint).encode({"x": value}, max_bytes=limit)


def endless() -> list[Any]:
    """Return a list that contains itself twice."""
    value: list[Any] = []
    value += [value, value]
    return value


def nested(depth: int) -> list[Any]:
    """Return lists within each other."""
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def doubling(depth: int) -> list[Any]:
    """Return a small value that would be 2**depth parts long when written."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value, value]
    return value
