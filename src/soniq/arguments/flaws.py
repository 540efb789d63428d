"""What no database or JSON text can hold, and where in a value it stands."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn
from uuid import UUID

from soniq.arguments.kinds import is_collection, is_mapping
from soniq.errors import ArgumentsTooLarge, InvalidArguments

# Deeper values meet the limits of JSON readers (pydantic's ends at 200) sooner or later.
DEEPEST = 128
SHOWN_STEPS = 24
# Types that have no flaw, named because most values are of one of them.
SOUND = frozenset({bool, type(None), datetime, date, time, timedelta, UUID, bytes})

Step = str | int


@dataclass(slots=True)
class Flaw:
    """What is wrong and where; ``steps`` lead from the flaw up to the root."""

    reason: str
    steps: list[Step] = field(default_factory=list[Step])

    def path(self, root: str) -> str:
        """Return the place as ``args.user.name[3]``."""
        return format_path(root, reversed(self.steps))


def refuse_flaws(value: Any, *, root: str, limit: int, any_key: bool = False) -> None:
    """Refuse what no type annotation can save; other types than those of JSON are let through.

    ``any_key`` lets dict keys pass that are not text; ``limit`` bounds the number of parts, because
    a small value that holds itself many times over can be endless when written.

    Raises:
        InvalidArguments: NaN, infinity, NUL, a lone surrogate, recursion, an iterator, …
        ArgumentsTooLarge: more parts than ``limit``.
    """
    search = FlawSearch(limit, any_key=any_key)
    try:
        flaw = search.find(value)
    except RecursionError:
        flaw = Flaw("is nested too deeply: flatten it")
    if flaw is not None:
        path = flaw.path(root)
        message = f"{path} {flaw.reason}."
        raise InvalidArguments(message, path=path)
    if search.parts > limit:
        refuse_size(f"more than {limit:,}", root, limit)


def refuse_size(size: str, root: str, limit: int) -> NoReturn:
    """Raise ArgumentsTooLarge."""
    cure = "store the data elsewhere and pass its key"
    if root == "args":
        cure += ", or raise SONIQ_MAX_ARGS_BYTES"
    message = f"{root} takes {size} bytes of JSON; the limit is {limit:,}: {cure}."
    raise ArgumentsTooLarge(message, path=root)


class FlawSearch:
    """Walks through lists, tuples, sets and mappings and looks at every part."""

    def __init__(self, limit: int, *, any_key: bool) -> None:
        self.parts = 0
        self._limit = limit
        self._any_key = any_key
        self._open: set[int] = set()

    def find(self, value: Any) -> Flaw | None:
        """Return the first flaw, or None."""
        self.parts += 1
        if type(value) in SOUND:
            return None
        if not (is_collection(value) or is_mapping(value)):
            reason = flaw_of_leaf(value)
            return None if reason is None else Flaw(reason)
        return self._find_below(value)

    def _find_below(self, value: Collection[Any]) -> Flaw | None:
        if id(value) in self._open:
            return Flaw("contains itself; JSON can't express that")
        if len(self._open) >= DEEPEST:
            return Flaw(f"is nested deeper than {DEEPEST} levels: flatten it")
        if self.parts > self._limit:
            return None
        self._open.add(id(value))
        flaw = self._find_in(value)
        self._open.discard(id(value))
        return flaw

    def _find_in(self, value: Collection[Any]) -> Flaw | None:
        if is_mapping(value):
            return self._find_in_mapping(value)
        for index, item in enumerate(value):
            flaw = self.find(item)
            if flaw is not None:
                flaw.steps.append(index)
                return flaw
        return None

    def _find_in_mapping(self, value: Mapping[Any, Any]) -> Flaw | None:
        for key, item in value.items():
            reason = self._flaw_of_key(key)
            if reason is not None:
                return Flaw(f"has a key that {reason}")
            flaw = self.find(item)
            if flaw is not None:
                flaw.steps.append(step_of(key))
                return flaw
        return None

    def _flaw_of_key(self, key: object) -> str | None:
        if isinstance(key, str):
            return flaw_of_text(key)
        if self._any_key:
            return flaw_of_leaf(key)
        return f"is of type {type(key).__name__}; the keys of JSON are text: use str keys"


def flaw_of_leaf(value: object) -> str | None:
    """Return what keeps a single value from being stored, or None."""
    match value:
        case str():
            return flaw_of_text(value)
        case float() if not math.isfinite(value):
            return f"is {float(value)!r}; JSON has only finite numbers: pass None or a text instead"
        case Decimal() if not value.is_finite():
            return "is a Decimal without a finite value: pass None or a text instead"
        case int() if not is_printable(value):
            return "is an integer of too many digits: pass it as text"
        case _ if isinstance(value, Iterator):
            return "is an iterator, which can be read only once: pass a list"
        case _:
            return None


def flaw_of_text(text: str) -> str | None:
    """Return what keeps a text from being stored, or None."""
    if "\x00" in text:
        return "contains a NUL character, which databases can't store: remove it, or pass bytes"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "contains a lone surrogate (text that was decoded wrongly): pass bytes instead"
    return None


def is_printable(number: int) -> bool:
    """Tell whether Python is willing to write and read the integer in decimal."""
    try:
        int.__repr__(number)
    except ValueError:
        return False
    return True


def step_of(key: object) -> Step:
    """Return an index, or the key of a mapping, as a step of a path."""
    return key if isinstance(key, str | int) else str(key)


def format_path(root: str, steps: Iterable[Step]) -> str:
    """Return a place within a value the way Python would write it: ``args.user.name[3]``."""
    parts = [
        f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]"
        for step in steps
    ]
    if len(parts) > SHOWN_STEPS:
        parts[SHOWN_STEPS // 2 : -SHOWN_STEPS // 2] = ["…"]
    return root + "".join(parts)
