"""Which kind of container a value is, told so that type checkers know what is in it: anything."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeGuard


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Tell whether a value is a list."""
    return isinstance(value, list)


def is_sequence(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Tell whether a value is a list or tuple."""
    return isinstance(value, (list, tuple))


def is_set(value: object) -> TypeGuard[Collection[Any]]:
    """Tell whether a value is a set or frozenset."""
    return isinstance(value, (set, frozenset))


def is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    """Tell whether a value is a dict."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Tell whether a value is a dict or another mapping."""
    return isinstance(value, (dict, Mapping))


def is_collection(value: object) -> TypeGuard[Collection[Any]]:
    """Tell whether a value is a list, tuple or set, whose items become those of a JSON array."""
    return isinstance(value, (list, tuple, set, frozenset))
