"""How type checkers see ``@app.job(…)``: which of a function's parameters a caller must give.

A JobContext is filled in by the worker, so the task must not ask callers for one. As the first
parameter (of any name) it is taken off the signature, and every other argument stays checked.
Further back it must be called ``ctx``; the signature can't be rewritten then, so such a task
takes any arguments as far as checkers know (they are still checked when it is enqueued).
"""

# pyright: reportOverlappingOverload=false
# It holds "an argument, then ctx" for "a JobContext first": the typing tests show otherwise.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from soniq.context import JobContext
from soniq.task import Task

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Anything:
    """What no handler asks for by name: a first parameter that takes it is Any or object."""


class ContextOnly(Protocol[R_co]):
    """A handler that needs nothing but ``ctx``, given by keyword."""

    def __call__(self, *, ctx: JobContext) -> R_co:
        """Be called with the context by name."""
        ...


class ContextSecond(Protocol[R_co]):
    """A handler with one argument and ``ctx``."""

    def __call__(self, a: Any, /, *, ctx: JobContext) -> R_co:
        """Be called with the context by name."""
        ...


class ContextThird(Protocol[R_co]):
    """A handler with two arguments and ``ctx``."""

    def __call__(self, a: Any, b: Any, /, *, ctx: JobContext) -> R_co:
        """Be called with the context by name."""
        ...


class ContextFourth(Protocol[R_co]):
    """A handler with three arguments and ``ctx``."""

    def __call__(self, a: Any, b: Any, c: Any, /, *, ctx: JobContext) -> R_co:
        """Be called with the context by name."""
        ...


class ContextFifth(Protocol[R_co]):
    """A handler with four arguments and ``ctx``."""

    def __call__(self, a: Any, b: Any, c: Any, d: Any, /, *, ctx: JobContext) -> R_co:
        """Be called with the context by name."""
        ...


class ContextSixth(Protocol[R_co]):
    """A handler with five arguments and ``ctx``."""

    def __call__(self, a: Any, b: Any, c: Any, d: Any, e: Any, /, *, ctx: JobContext) -> R_co:
        """Be called with the context by name."""
        ...


class TaskDecorator(Protocol):
    """What ``@app.job(…)`` applies to a function: it comes back as a task."""

    # First of all: an Any or object in front would pass for a JobContext and be taken off.
    @overload
    def __call__(self, handler: Callable[Concatenate[Anything, ...], R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: Callable[Concatenate[JobContext, P], R], /) -> Task[P, R]: ...
    @overload
    def __call__(self, handler: ContextOnly[R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: ContextSecond[R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: ContextThird[R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: ContextFourth[R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: ContextFifth[R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: ContextSixth[R], /) -> Task[..., R]: ...
    @overload
    def __call__(self, handler: Callable[P, R], /) -> Task[P, R]: ...
