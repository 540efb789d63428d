"""A handler's parameters as pydantic sees them: to JSON by their types, and back."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, NotRequired, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import CoreConfig, SchemaSerializer
from typing_extensions import TypedDict

from soniq.arguments.jsontext import SCALARS
from soniq.arguments.signature import Signature

# What a parameter may hold so that its JSON value is the argument itself; empty for anything.
Exact = Mapping[str, frozenset[type]]
BASE64 = CoreConfig(ser_json_bytes="base64")


class Adapter:
    """Dumps and loads all arguments of a handler together.

    ``unusable`` names the parameters whose type pydantic can't handle, with the reason; their
    values are taken as plain JSON.
    """

    def __init__(self, signature: Signature) -> None:
        annotations = signature.annotations
        self.unusable: dict[str, str] = {}
        try:
            adapter = build(signature, annotations)
        except Exception:  # noqa: BLE001 - building a schema calls user code
            self.unusable = {n: why for n, hint in annotations.items() if (why := objection(hint))}
            usable = {n: Any if n in self.unusable else hint for n, hint in annotations.items()}
            adapter = build(signature, usable)
        # The adapter's own serializer heeds the config of a TypedDict within, but not at the top.
        self._serializer = SchemaSerializer(adapter.core_schema, BASE64)
        self._validator = adapter.validator

    def dump(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments as JSON values; raises whatever pydantic or user code raises."""
        dumped: dict[str, Any] = self._serializer.to_python(
            arguments, mode="json", by_alias=True, round_trip=True, warnings=False
        )
        return dumped

    def load(self, text: str) -> dict[str, Any]:
        """Return the arguments in their types; raises ValidationError or what user code raises."""
        loaded: dict[str, Any] = self._validator.validate_json(text, strict=True)
        return loaded

    def find_undumpable(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the name of the first argument that can't be dumped, or None."""
        for name, value in arguments.items():
            try:
                self.dump({name: value})
            except Exception:  # noqa: BLE001 - serializers are user code
                return name
        return None

    def misfits(self, arguments: Mapping[str, Any]) -> frozenset[str]:
        """Return the names of the arguments that are not, as Python values, of their type."""
        try:
            self._validator.validate_python(dict(arguments), strict=True)
        except ValidationError as error:
            return frozenset(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
        except Exception:  # noqa: BLE001 - validators are user code
            return frozenset(arguments)
        return frozenset()


def build(signature: Signature, annotations: Mapping[str, Any]) -> TypeAdapter[Any]:
    """Return an adapter over a TypedDict made of the annotations."""
    fields = {
        name: hint if name in signature.required else NotRequired[hint]
        for name, hint in annotations.items()
    }
    make: Any = TypedDict
    shape = make("Arguments", fields)
    shape.__pydantic_config__ = ConfigDict(
        extra="allow" if signature.open_ended else "forbid",
        ser_json_bytes="base64",
        val_json_bytes="base64",
    )
    return TypeAdapter(shape)


def objection(hint: Any) -> str | None:
    """Return why pydantic can't handle a type, in one line, or None if it can."""
    try:
        TypeAdapter(hint)
    except Exception as error:  # noqa: BLE001 - building a schema calls user code
        return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return None


def exact_types(signature: Signature) -> Exact | None:
    """Return the types to expect of each parameter if JSON alone can carry them all, else None."""
    exact: dict[str, frozenset[type]] = {}
    for name, hint in signature.annotations.items():
        allowed = json_types(hint)
        if allowed is None:
            return None
        exact[name] = allowed
    return exact


def json_types(hint: Any) -> frozenset[type] | None:
    """Return the JSON types that a type hint stands for; empty for any, None for richer hints."""
    if hint is Any or hint is object:
        return frozenset()
    if hint is list or hint is dict or (isinstance(hint, type) and hint in SCALARS):
        return frozenset({hint})
    if get_origin(hint) is dict and get_args(hint) == (str, Any):
        return frozenset({dict})
    if get_origin(hint) in (Union, types.UnionType):
        options = [json_types(option) for option in get_args(hint)]
        if all(options):
            return frozenset(kind for option in options for kind in option or ())
    return None
