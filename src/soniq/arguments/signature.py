"""What a handler's signature says: names, types, and which parameters take the JobContext."""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from soniq.context import JobContext

EMPTY = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a handler that arguments may be given for, and those that are filled in.

    ``annotations`` holds the resolved types (``Any`` where there is none or it can't be resolved);
    ``open_ended`` is true where ``**kwargs`` takes further names.
    """

    annotations: Mapping[str, Any]
    required: frozenset[str]
    context: tuple[str, ...]
    open_ended: bool

    @classmethod
    def of(cls, handler: Callable[..., Any]) -> Signature:
        """Read the signature of a function, method, partial or callable object."""
        parameters = read_parameters(handler)
        named = {
            name: resolve(parameter.annotation, handler)
            for name, parameter in parameters.items()
            if parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}
        }
        context = tuple(name for name, hint in named.items() if takes_context(hint))
        annotations = {name: hint for name, hint in named.items() if name not in context}
        required = frozenset(n for n in annotations if parameters[n].default is EMPTY)
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        return cls(annotations, required, context, open_ended)

    def fits(self, names: Mapping[Any, Any]) -> bool:
        """Tell whether these names are all that is needed and nothing else."""
        given = names.keys()
        if not self.required <= given or (self.context and not given.isdisjoint(self.context)):
            return False
        if self.open_ended:
            return all(isinstance(name, str) for name in given)
        return given <= self.annotations.keys()

    def bind(self, arguments: Mapping[str, Any], name: str) -> None:
        """Check that the names of the arguments fit.

        Raises:
            TypeError: naming the task and the missing or unexpected argument.
        """
        if self.fits(arguments):
            return
        for key in arguments:
            if key in self.context:
                message = f"Argument {key!r} of {name!r} is its JobContext: the worker fills it in."
                raise TypeError(message)
            if key not in self.annotations and not (self.open_ended and isinstance(key, str)):
                message = f"{name!r} takes no argument {key!r}.{self.hint(key)}"
                raise TypeError(message)
        missing = [repr(key) for key in self.annotations if key in self.required - arguments.keys()]
        message = f"{name!r} needs the argument{'s' * (len(missing) > 1)} {', '.join(missing)}."
        raise TypeError(message)

    def hint(self, key: object) -> str:
        """Return a sentence that names the nearest parameter, or all of them."""
        close = difflib.get_close_matches(str(key), self.annotations, n=1, cutoff=0.5)
        if close:
            return f" Did you mean {close[0]!r}?"
        return f" It takes: {', '.join(self.annotations) or 'none'}."


def read_parameters(handler: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a handler; names that only type checkers know do no harm."""
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # noqa: PLC0415 - new in 3.14

        return inspect.signature(handler, annotation_format=Format.FORWARDREF).parameters
    return inspect.signature(handler).parameters


def resolve(annotation: Any, handler: Callable[..., Any]) -> Any:
    """Return the type that an annotation stands for; Any where that can't be found out."""
    if annotation is EMPTY:
        return Any

    def probe() -> None:
        """Carry one annotation, so that a bad one does not spoil the others."""

    probe.__annotations__ = {"it": annotation}
    # Where JobContext is imported for type checkers only, its name still means what it says.
    names = {"JobContext": JobContext, **namespace(handler)}
    try:
        return get_type_hints(probe, globalns=names, include_extras=True)["it"]
    except Exception:  # noqa: BLE001 - an annotation is code, and may raise anything
        # "soniq.JobContext", where soniq too is imported for type checkers only.
        name = annotation if isinstance(annotation, str) else ""
        return JobContext if name.strip("'\" ").endswith(".JobContext") else Any


def namespace(handler: Callable[..., Any]) -> dict[str, Any]:
    """Return the global names of the module that a handler was written in."""
    function: Any = handler
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        else:
            break
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__globals__"):
        function = getattr(function.__class__, "__call__", None)  # noqa: B004 - the method is wanted
    names: dict[str, Any] = getattr(function, "__globals__", {})
    return names


def takes_context(hint: Any) -> bool:
    """Tell whether a type is JobContext, also when optional or annotated."""
    if hint is JobContext:
        return True
    origin = get_origin(hint)
    if origin is Annotated:
        return takes_context(get_args(hint)[0])
    if origin is Union or origin is types.UnionType:
        return any(takes_context(option) for option in get_args(hint))
    return False
