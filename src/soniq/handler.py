"""Which functions can be handlers, what they are called, and where they run."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

from soniq.errors import InvalidHandler, InvalidOption
from soniq.options import ExecutorName


def is_async(handler: object) -> bool:
    """Tell whether calling the handler gives something to await."""
    unwrapped = inspect.unwrap(handler) if callable(handler) else handler
    while isinstance(unwrapped, functools.partial):
        unwrapped = unwrapped.func
    return inspect.iscoroutinefunction(unwrapped) or inspect.iscoroutinefunction(
        getattr(unwrapped, "__call__", None)  # noqa: B004 - the method itself is looked at
    )


def derive_name(handler: Callable[..., Any]) -> str:
    """Return ``module.qualname``, the name of a task that was given none."""
    # The main script has another name where a process of a job imports it.
    module = "__main__" if handler.__module__ == "__mp_main__" else handler.__module__
    return f"{module}.{handler.__qualname__}"


def choose_executor(handler: Callable[..., Any], wanted: ExecutorName | None) -> ExecutorName:
    """Return where a handler runs, or raise InvalidOption or InvalidHandler where it can't."""
    derived: ExecutorName = "async" if is_async(handler) else "thread"
    if wanted == "process":
        check_importable(handler)
    elif wanted not in {None, derived}:
        kind = "a coroutine function" if derived == "async" else "a plain function"
        message = (
            f"executor={wanted!r}: {handler!r} is {kind}, which runs as {derived!r}; leave the "
            "option out, or give 'process'."
        )
        raise InvalidOption(message)
    return wanted or derived


def check_importable(handler: Callable[..., Any]) -> None:
    """Raise InvalidHandler for what another process could not import."""
    module, qualname = getattr(handler, "__module__", None), getattr(handler, "__qualname__", None)
    why = None
    if not module or not qualname:
        why = "has no module and name of its own"
    elif "<lambda>" in qualname:
        why = "is a lambda"
    elif "<locals>" in qualname:
        why = "is defined inside a function"
    elif module == "__main__" and not hasattr(sys.modules[module], "__file__"):
        why = "is defined in an interactive session"
    if why:
        message = (
            f"executor='process': {handler!r} {why}, and another process finds a handler only by "
            "module and name: define it with def at the top of a module."
        )
        raise InvalidHandler(message)


def check_handler(handler: object) -> None:
    """Raise InvalidHandler for what a worker could not call with keyword arguments."""
    if not callable(handler):
        message = f"{handler!r} is not a function; write @app.job() above a def or async def."
        raise InvalidHandler(message)
    if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
        message = f"{handler!r} is a generator; a handler must return its result, not yield."
        raise InvalidHandler(message)
    for parameter in inspect.signature(handler).parameters.values():
        if parameter.kind is parameter.POSITIONAL_ONLY:
            message = (
                f"{handler!r} takes {parameter.name!r} by position only, but arguments of jobs "
                "travel by name: remove the '/' from its signature."
            )
            raise InvalidHandler(message)
