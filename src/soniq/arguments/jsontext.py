"""JSON text that is read back as it was written."""

from __future__ import annotations

import hashlib
import json
from typing import Any, NoReturn, cast

from pydantic_core import to_json

from soniq.arguments.flaws import DEEPEST, refuse_flaws, refuse_size
from soniq.arguments.kinds import is_dict
from soniq.errors import InvalidArguments

SCALARS: frozenset[type] = frozenset({str, int, float, bool, type(None)})
# Those that every writer of JSON writes alike; floats have several spellings.
STURDY = SCALARS - {float}
# The fewest digits of an integer for which Python can be made to refuse to write or read it.
FEWEST_DIGITS = 640
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def refuse_constant(text: str) -> NoReturn:
    """Raise ValueError for NaN and infinities, which Python reads although JSON has none."""
    message = f"{text} is not JSON"
    raise ValueError(message)


DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def decode(text: str) -> dict[str, Any]:
    """Return the arguments in a stored JSON text, as plain JSON values.

    Raises:
        InvalidArguments: it is not JSON, or not an object.
    """
    try:
        data = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        message = f"The stored arguments are not readable JSON: {error}."
        raise InvalidArguments(message) from None
    if not is_dict(data):
        message = "The stored arguments are not a JSON object: enqueue them as a dict of names."
        raise InvalidArguments(message)
    return data


def fingerprint(text: str) -> str:
    """Return the SHA-256 (hex) of a JSON text in canonical form: the order of keys has no say.

    1, 1.0 and true are different.
    """
    return hashlib.sha256(canonical(DECODER.decode(text)).encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return the one text of a JSON value that does not depend on the order of its keys."""
    return CANONICAL.encode(value)


def is_plain(value: object, limit: int) -> bool:
    """Tell whether a value is of exact JSON types only, not too deep, of ``limit`` parts at most.

    Such a value is read back as it was written, except for what ``write`` refuses.
    """
    level: list[object] = [value]
    for _ in range(DEEPEST + 1):
        below: list[object] = []
        for item in level:
            kind = type(item)
            if kind in SCALARS:
                continue
            if kind is list:
                below += cast("list[object]", item)
            elif kind is dict and has_text_keys(members := cast("dict[object, object]", item)):
                below += members.values()
            else:
                return False
            if len(below) > limit:
                return False
        if not below:
            return True
        level = below
    return False


def has_text_keys(members: dict[object, object]) -> bool:
    """Tell whether every key is exactly a str."""
    return set(map(type, members)) <= {str}


def write(value: Any, *, root: str, max_bytes: int) -> str:
    """Return a plain JSON value as compact text of at most ``max_bytes`` bytes of UTF-8.

    Raises:
        InvalidArguments: with the path of what JSON or a database can't hold.
        ArgumentsTooLarge: with size, limit and advice.
    """
    try:
        text = ENCODER.encode(value)
        size = len(text) if text.isascii() else len(text.encode())
    except (ValueError, TypeError, RecursionError) as error:
        refuse_flaws(value, root=root, limit=max_bytes)
        message = f"{root} can't be written as JSON: {error}."
        raise InvalidArguments(message, path=root) from None
    if "\\u0000" in text:
        refuse_flaws(value, root=root, limit=max_bytes)
    if size > max_bytes:
        refuse_size(f"{size:,}", root, max_bytes)
    return text


def write_sturdy(members: dict[str, Any], max_bytes: int) -> str | None:
    """Return what ``write`` does, in a fifth of the time, for values of ``STURDY`` types.

    None where there may be something to refuse: ``write`` finds out.
    """
    try:
        text = to_json(members)
    except ValueError:
        return None
    size = len(text)
    has_long_numbers = size > FEWEST_DIGITS and int in map(type, members.values())
    if has_long_numbers or size > max_bytes or b"\\u0000" in text:
        return None
    return text.decode()
