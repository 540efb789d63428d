"""A task: a name, a handler and its options, checked once when it is registered."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    overload,
)

from typing_extensions import Unpack

from soniq.arguments import ArgumentCodec
from soniq.errors import InvalidHandler
from soniq.options import (
    EnqueueOptionArguments,
    EnqueueOptions,
    TaskOptions,
    check_name,
    check_priority,
    check_retries,
    check_text,
    refuse_unknown,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

    from soniq.context import JobContext

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


class Enqueues(Protocol):
    """What a task needs in order to enqueue itself."""

    async def enqueue_call(
        self, task: Task[Any, Any], options: EnqueueOptions, arguments: dict[str, Any]
    ) -> str:
        """Enqueue one job of the task and return its id."""
        ...


class Task(Generic[P, R_co]):
    """A registered function: call it as before, or enqueue it.

    Example:
        .. code-block:: python

            await send_email(to="a@b.com")            # runs here and now, as written
            await send_email.enqueue(to="a@b.com")    # runs in a worker
            await send_email.options(queue="urgent").enqueue(to="a@b.com")
    """

    def __init__(
        self, name: str, handler: Callable[P, R_co], options: TaskOptions, enqueues: Enqueues
    ) -> None:
        check_handler(handler)
        self.name = name
        self.handler = handler
        self.settings = options
        self.arguments = ArgumentCodec(handler)
        self.is_async = is_async(handler)
        self.enqueues = enqueues
        functools.update_wrapper(self, handler)
        if self.is_async:
            mark_as_coroutine_function(self)

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, ctx: JobContext, /, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    def __call__(self, *args: Any, **kwargs: Any) -> R_co:  # type: ignore[misc]
        """Call the plain function here and now; no job is made."""
        return self.handler(*args, **kwargs)

    def __repr__(self) -> str:
        """Return ``<Task users.send_email>``."""
        return f"<Task {self.name}>"

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Enqueue a job with the task's own options and return its id.

        Raises:
            TypeError: the arguments do not fit the function's signature.
            InvalidArguments: a value would not arrive as it was given.
        """
        return await BoundTask(self, EnqueueOptions()).enqueue(*args, **kwargs)

    def options(self, **options: Unpack[EnqueueOptionArguments]) -> BoundTask[P, R_co]:
        """Return the task with other options for one job: ``task.options(queue="x").enqueue(…)``.

        Raises:
            UnknownOption: an option that enqueueing does not have.
        """
        refuse_unknown(options, EnqueueOptionArguments.__annotations__, "options()")
        return BoundTask(self, EnqueueOptions(**options))


class BoundTask(Generic[P, R_co]):
    """A task together with the options of one call."""

    def __init__(self, task: Task[P, R_co], options: EnqueueOptions) -> None:
        self.task = task
        self.bound = options

    async def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Enqueue a job and return its id; every argument is checked by type checkers."""
        refuse_positional(self.task.name, args)
        return await self.task.enqueues.enqueue_call(self.task, self.bound, dict(kwargs))


@dataclass(frozen=True, slots=True)
class TaskRef:
    """A typed stub for a task that lives in another repository.

    ``args_model`` checks the arguments here, before anything is written. The options stand in for
    those of the task, which is not known here.
    """

    name: str
    args_model: type[BaseModel] | None = None
    queue: str | None = None
    priority: int | None = None
    retries: int | None = None
    unique: bool | None = None


def task_ref(
    name: str,
    *,
    args_model: type[BaseModel] | None = None,
    queue: str | None = None,
    priority: int | None = None,
    retries: int | None = None,
    unique: bool | None = None,
) -> TaskRef:
    """Return a reference to a task by name, for ``app.enqueue(ref, args={…})``.

    Raises:
        InvalidTaskName: the name is empty, too long or holds control characters.
        InvalidOption: an option is out of range.

    Example:
        ``send_email = task_ref("users.send_email", args_model=SendEmail, queue="mail")``
    """
    check_name(name)
    if queue is not None:
        check_text("queue", queue)
    if priority is not None:
        check_priority(priority)
    if retries is not None:
        check_retries(retries)
    return TaskRef(name, args_model, queue, priority, retries, unique)


def is_async(handler: object) -> bool:
    """Tell whether calling the handler gives something to await."""
    unwrapped = inspect.unwrap(handler) if callable(handler) else handler
    while isinstance(unwrapped, functools.partial):
        unwrapped = unwrapped.func
    return inspect.iscoroutinefunction(unwrapped) or inspect.iscoroutinefunction(
        getattr(unwrapped, "__call__", None)  # noqa: B004 - the method itself is looked at
    )


def mark_as_coroutine_function(task: object) -> None:
    """Make ``iscoroutinefunction(task)`` true, as frameworks ask it of what they call."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(task)  # type: ignore[type-var]
    else:
        task._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]  # noqa: SLF001


def derive_name(handler: Callable[..., Any]) -> str:
    """Return ``module.qualname``, the name of a task that was given none."""
    return f"{handler.__module__}.{handler.__qualname__}"


# --- checks: everything is refused when it is declared, never in a worker ------------------------


def refuse_positional(name: str, args: tuple[object, ...]) -> None:
    """Raise TypeError for positional arguments: jobs are stored with names."""
    if args:
        message = (
            f"Arguments of {name!r} travel by name: write enqueue(task, name=value), "
            f"not {len(args)} positional value(s)."
        )
        raise TypeError(message)


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
