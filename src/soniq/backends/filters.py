"""What a search asks of rows: the same of jobs and of dead letters, on all backends. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from soniq.arguments.kinds import is_dict, is_list
from soniq.search import ArgumentIs, JobSearch

# Beyond any number of attempts, and within what every database takes for an integer.
MOST = 2**31 - 1
# What PostgreSQL takes for the number of an item.
INDEX = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]{1,30}")


class Number(str):
    """A JSON number as it is written: ``1.0`` and ``1e3`` are not what Python makes of them."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number)


def is_possible(search: JobSearch) -> bool:
    """Tell whether any row can match: no text in a database holds NUL or half a character."""
    texts = [search.queue, search.name, search.worker, search.error, search.text, search.reason]
    for path, value in search.args:
        texts += [*path, value]
    ages = [age for age in (search.older_than, search.younger_than) if age is not None]
    return all(map(is_storable, filter(None, texts))) and not any(map(math.isnan, ages))


def is_storable(text: str) -> bool:
    """Tell whether a database can hold the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def exact_name(search: JobSearch) -> str | None:
    """Return the name that rows must have, if it is a whole one."""
    return None if search.name is None or search.name.endswith("*") else search.name


def name_prefix(search: JobSearch) -> str | None:
    """Return what names must begin with, where the search says ``mail.*``."""
    return search.name[:-1] if search.name is not None and search.name.endswith("*") else None


def capped(number: int | None) -> int | None:
    """Return a number of attempts that every database can compare with."""
    return None if number is None else max(-1, min(number, MOST))


def arguments_json(search: JobSearch) -> str | None:
    """Return the conditions on arguments as JSON, for a statement; None if there are none."""
    if not search.args:
        return None
    return json.dumps([{"path": path, "value": value} for path, value in search.args])


def holds(args: str, conditions: Iterable[ArgumentIs]) -> bool:
    """Tell whether arguments, as JSON text, fulfil all conditions.

    Text that is not JSON fulfils none.
    """
    conditions = tuple(conditions)
    if not all(may_hold(args, value) for _, value in conditions):
        return False
    try:
        whole = DECODER.decode(args)
        return all(spelled_at(whole, path) == value for path, value in conditions)
    except (ValueError, RecursionError):
        return not conditions


def may_hold(args: str, value: str) -> bool:
    """Tell, without reading the JSON, whether the value can stand in it."""
    return value in args or "\\" in args or value[:1] in {"[", "{"}


def spelled_at(whole: Any, path: Iterable[str]) -> str | None:
    """Return the value that keys and indexes lead to, as text, or None if there is none."""
    value = whole
    for step in path:
        if is_dict(value) and step in value:
            value = value[step]
        elif is_list(value) and (place := place_of(step, value)) is not None:
            value = value[place]
        else:
            return None
    return value if isinstance(value, str) else spelled(value)


def place_of(step: str, items: list[Any]) -> int | None:
    """Return the place in a list that a step of a path means, if there is one; -1 is the last."""
    if not INDEX.fullmatch(step):
        return None
    place = int(step)
    return place if -len(items) <= place < len(items) else None


def spelled(value: Any) -> str:
    """Return a JSON value as compact text, numbers as they were written."""
    if is_dict(value):
        members = (f"{spelled(key)}:{spelled(item)}" for key, item in value.items())
        return f"{{{','.join(members)}}}"
    if is_list(value):
        return f"[{','.join(map(spelled, value))}]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
