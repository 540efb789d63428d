"""JSON values as trees of lines that a page can fold. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from soniq.arguments.kinds import is_mapping, is_sequence

# What a browser lays out without effort, and a person reads.
MOST_CHILDREN = 200
LONGEST_TEXT = 20_000
DEEPEST = 40
OPEN_CHILDREN = 20
# Names of an object within one line.
MOST_NAMES = 4


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
    if isinstance(value, str):
        return leaf(key, "string", value)
    if is_mapping(value):
        named = ((str(name), child) for name, child in value.items())
        return inner(key, "object", named, len(value), depth)
    if is_sequence(value):
        numbered = ((str(number), item) for number, item in enumerate(value))
        return inner(key, "array", numbered, len(value), depth)
    text = as_text(value)
    if value is None or isinstance(value, bool):
        return Branch(key, text, text)
    return leaf(key, "number", text)


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
    shown = tuple(branch(child, name, depth + 1) for name, child in islice(children, most))
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
    if isinstance(value, str):
        return " ".join(value[: length + 1].split())
    if is_mapping(value):
        some = ", ".join(map(str, islice(value, MOST_NAMES)))
        return f"{{{some}, …}}" if len(value) > MOST_NAMES else f"{{{some}}}"
    return f"[{len(value)}]" if is_sequence(value) else as_text(value)
