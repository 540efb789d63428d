"""One text for equal values: sets have no order, and a time in UTC has two spellings."""

from __future__ import annotations

from typing import Any

from soniq.arguments.jsontext import canonical
from soniq.arguments.kinds import is_collection, is_dict, is_list, is_mapping, is_set


def steady(value: Any, dumped: Any) -> Any:
    """Return ``dumped``, the JSON form of ``value``, with everything that is a set there sorted."""
    if is_list(dumped):
        return steady_list(value, dumped)
    if not is_dict(dumped):
        return dumped
    if not is_mapping(value):
        return {key: steady(getattr(value, key, None), form) for key, form in dumped.items()}
    if value.keys() == dumped.keys():
        return {key: steady(value[key], form) for key, form in dumped.items()}
    if len(value) != len(dumped):
        return dumped
    pairs = zip(value.values(), dumped.items(), strict=True)
    return {key: steady(one, form) for one, (key, form) in pairs}


def steady_list(value: Any, dumped: list[Any]) -> list[Any]:
    """Return the JSON form of a list, tuple or set with all sets sorted."""
    if not is_collection(value) or len(value) != len(dumped):
        return dumped
    items = [steady(one, form) for one, form in zip(value, dumped, strict=True)]
    return sorted(items, key=canonical) if is_set(value) else items


def zulu(value: Any) -> Any:
    """Return plain JSON with times in UTC as pydantic writes them: ``+00:00`` becomes ``Z``."""
    if isinstance(value, str) and value.endswith("+00:00"):
        return value.removesuffix("+00:00") + "Z"
    if is_list(value):
        return [zulu(item) for item in value]
    if is_dict(value):
        return {key: zulu(item) for key, item in value.items()}
    return value
