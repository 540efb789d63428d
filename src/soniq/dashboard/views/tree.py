"""JSON values as trees of lines that a page can fold. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

# What a browser lays out without effort, and a person reads.
MOST_CHILDREN = 200
LONGEST_TEXT = 20_000
DEEPEST = 40
OPEN_CHILDREN = 20


@dataclass(frozen=True, slots=True)
class Branch:
    """A value under its key. ``kind``: object, array, string, number, true, false or null.

    ``text`` is that of a value that holds no others, exactly as JSON writes it, strings without
    their quotes. ``left_out``: how many children, or characters of the text, are not shown.
    """

    key: str | None
    kind: str
    text: str = ""
    size: int = 0
    children: tuple[Branch, ...] = ()
    left_out: int = 0
    open: bool = False

    @property
    def summary(self) -> str:
        """What is in an object or array, in short."""
        if self.kind == "object":
            return "{}" if not self.size else f"{{ {self.size} }}"
        return "[]" if not self.size else f"[ {self.size} ]"


def branch(value: Any, key: str | None = None, depth: int = 0) -> Branch:
    """Return a JSON value as a tree. Numbers have all their digits, however many."""
    match value:
        case str():
            return leaf(key, "string", value)
        case Mapping():
            found = cast("Mapping[Any, Any]", value)
            named = ((str(name), child) for name, child in found.items())
            return inner(key, "object", named, len(found), depth)
        case list() | tuple():
            items = cast("Sequence[Any]", value)
            return inner(
                key, "array", ((str(n), i) for n, i in enumerate(items)), len(items), depth
            )
        case None | bool():
            text = json.dumps(value)
            return Branch(key, text, text)
        case _:
            return leaf(key, "number", as_text(value))


def leaf(key: str | None, kind: str, text: str) -> Branch:
    """Return a value that holds no others, cut where it is very long."""
    return Branch(
        key, kind, text[:LONGEST_TEXT], len(text), left_out=max(0, len(text) - LONGEST_TEXT)
    )


def inner(
    key: str | None, kind: str, children: Iterable[tuple[str, Any]], size: int, depth: int
) -> Branch:
    """Return a value that holds others; what is too deep or too much is counted only."""
    most = MOST_CHILDREN if depth < DEEPEST else 0
    shown = tuple(
        branch(child, name, depth + 1)
        for (name, child), _ in zip(children, range(most), strict=False)
    )
    folded = depth > 1 or size > OPEN_CHILDREN
    return Branch(key, kind, "", size, shown, size - len(shown), not folded)


def as_text(value: Any) -> str:
    """Return a number as JSON writes it; what JSON lacks, as Python does."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)


def one_line(arguments: Mapping[str, Any], length: int = 80) -> str:
    """Return arguments on one line, cut where it is too long: ``to=a@example.com, n=3``."""
    parts: list[str] = []
    left = length
    for name, value in arguments.items():
        part = f"{name}={brief(value, left)}"
        parts.append(part)
        left -= len(part) + 2
        if left <= 0:
            break
    text = ", ".join(parts)
    whole = len(parts) == len(arguments) and len(text) <= length
    return text if whole else f"{text[: length - 1]}…"


def brief(value: Any, length: int) -> str:
    """Return the beginning of a value as text, without looking at all of it where that is much."""
    match value:
        case str():
            return " ".join(value[: length + 1].split())
        case Mapping():
            names = [
                str(name)
                for name, _ in zip(cast("Mapping[Any, Any]", value), range(4), strict=False)
            ]
            return (
                "{"
                + ", ".join(names)
                + ("…}" if len(cast("Mapping[Any, Any]", value)) > 4 else "}")
            )
        case list() | tuple():
            return f"[{len(cast('Sequence[Any]', value))}]"
        case _:
            return as_text(value)
