"""Values without a handler to say what they should be: they are written by their own types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_jsonable_python

from soniq.arguments.flaws import Flaw, refuse_flaws, step_of
from soniq.arguments.jsontext import is_plain, write
from soniq.arguments.kinds import is_collection, is_mapping
from soniq.arguments.steady import steady
from soniq.errors import InvalidArguments

MAX_RESULT_BYTES = 1024 * 1024


def encode_plain(arguments: Mapping[str, Any], *, max_bytes: int) -> str:
    """Return arguments for a task that is not known here as JSON text, by their own types.

    Raises:
        InvalidArguments: with the path of what can't be turned into JSON.
        ArgumentsTooLarge: the text takes more than ``max_bytes`` bytes of UTF-8.
    """
    return encode_value(dict(arguments), root="args", max_bytes=max_bytes)


def encode_result(value: Any) -> tuple[str | None, str | None]:
    """Return (JSON text, None), or (None, problem) for a result that can't be stored.

    Never raises. The text takes at most 1 MiB of UTF-8.
    """
    try:
        return encode_value(value, root="result", max_bytes=MAX_RESULT_BYTES), None
    except InvalidArguments as error:
        return None, str(error)
    except BaseException as error:  # noqa: BLE001 - a result may do anything when looked at
        return None, f"result can't be stored: looking at it raised {type(error).__name__}."


def encode_value(value: Any, *, root: str, max_bytes: int) -> str:
    """Return any value that pydantic can turn into JSON as text.

    Raises:
        InvalidArguments: with the path of what can't be turned into JSON.
        ArgumentsTooLarge: the text takes more than ``max_bytes`` bytes of UTF-8.
    """
    if is_plain(value, max_bytes):
        return write(value, root=root, max_bytes=max_bytes)
    refuse_flaws(value, root=root, limit=max_bytes)
    try:
        dumped = jsonable(value)
    except Exception:  # noqa: BLE001 - serializers are user code
        flaw = find_unknown(value) or Flaw("can't be turned into JSON")
        path = flaw.path(root)
        message = f"{path} {flaw.reason}."
        raise InvalidArguments(message, path=path) from None
    return write(steady(value, dumped), root=root, max_bytes=max_bytes)


def find_unknown(value: Any) -> Flaw | None:
    """Return the first part of a value that has no JSON form by its own type, or None."""
    parts: Iterable[tuple[Any, Any]] = ()
    if is_mapping(value):
        parts = value.items()
    elif is_collection(value):
        parts = enumerate(value)
    for step, part in parts:
        flaw = find_unknown(part)
        if flaw is not None:
            flaw.steps.append(step_of(step))
            return flaw
    try:
        jsonable(value)
    except Exception as error:  # noqa: BLE001 - serializers are user code
        return Flaw(explain_unknown(value, error))
    return None


def explain_unknown(value: object, error: Exception) -> str:
    """Return why a single value has no JSON form, and the cure."""
    kind = type(value).__name__
    if "utf-8" in str(error):
        return (
            f"is of type {kind} and holds bytes that are not text: set ser_json_bytes='base64' and "
            "val_json_bytes='base64' in its model_config"
        )
    return f"is of type {kind}, which has no JSON form: pass a key, a dict or a dataclass"


def jsonable(value: Any) -> Any:
    """Return a value as plain JSON, bytes as base64; raises what pydantic or user code raises."""
    return to_jsonable_python(
        value, by_alias=True, round_trip=True, bytes_mode="base64", inf_nan_mode="constants"
    )
