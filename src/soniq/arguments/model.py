"""A task's own pydantic model: it may refuse arguments, never change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from soniq.arguments.flaws import format_path
from soniq.arguments.untyped import encode_plain
from soniq.errors import InvalidArguments, TaskArgumentsInvalid

if TYPE_CHECKING:
    from pydantic import BaseModel

ANY_SIZE = 2**31


def check_model(model: type[BaseModel], arguments: Mapping[str, Any], name: str) -> None:
    """Check the arguments of task ``name`` against a pydantic model; nothing is changed.

    Raises:
        TaskArgumentsInvalid: with the paths of the bad fields, without their values.
    """
    given = dict(arguments)
    try:
        model.model_validate(given)
    except ValidationError as error:
        if is_valid_as_json(model, given):
            return
        message = f"Arguments of {name!r} are refused by {model.__name__}: {explain(error)}."
        raise TaskArgumentsInvalid(message) from None
    except Exception as error:
        message = f"{model.__name__}, the model of {name!r}, raised {type(error).__name__}."
        raise TaskArgumentsInvalid(message) from error


def explain(error: ValidationError) -> str:
    """Return what is wrong with each field, without the values."""
    return "; ".join(
        f"{format_path('args', problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )


def is_valid_as_json(model: type[BaseModel], given: Mapping[str, Any]) -> bool:
    """Tell whether the model takes the JSON form: a strict one wants UUIDs, and text only there."""
    try:
        model.model_validate_json(encode_plain(given, max_bytes=ANY_SIZE))
    except (ValidationError, InvalidArguments):
        return False
    return True
