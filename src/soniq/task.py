"""A task: a name, a handler and its options, checked once when it is registered."""

from __future__ import annotations

import asyncio
import functools
import importlib
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
    TypeGuard,
    TypeVar,
    cast,
    overload,
)

from typing_extensions import Unpack

from soniq.arguments import ArgumentCodec
from soniq.errors import InvalidHandler
from soniq.handler import check_handler, choose_executor, is_async
from soniq.options import (
    EnqueueOptionArguments,
    EnqueueOptions,
    ExecutorName,
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
        self.executor: ExecutorName = choose_executor(handler, options.executor)
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


def mark_as_coroutine_function(task: object) -> None:
    """Make ``iscoroutinefunction(task)`` true, as frameworks ask it of what they call."""
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(task)  # type: ignore[type-var]
    else:
        task._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]  # noqa: SLF001


def is_task(value: object) -> TypeGuard[Task[..., Any]]:
    """Tell whether a value is a task."""
    return isinstance(value, Task)


def find_handler(module: str, qualname: str, task: str) -> Callable[..., Any]:
    """Import a handler; where it was decorated, that of the task of this name.

    Raises:
        InvalidHandler: nothing that can be called stands there.
        Exception: whatever the import raises.
    """
    found: Any = importlib.import_module(module)
    for name in qualname.split("."):
        found = getattr(found, name, None)
    layer: Any = found
    while layer is not None:
        if is_task(layer) and layer.name == task:
            return layer.handler
        layer = getattr(layer, "__wrapped__", None)
    if not callable(found) or is_task(found):
        raise InvalidHandler(not_found(module, qualname, task))
    return cast("Callable[..., Any]", found)


def not_found(module: str, qualname: str, task: str) -> str:
    """Return the sentence that says that a handler is not where its name says."""
    return (
        f"The handler of {task!r} can't be found again as {module}.{qualname}, so no other process "
        "can run it: define it at the top of its module under a name that nothing else takes."
    )


# --- checks: everything is refused when it is declared, never in a worker ------------------------


def refuse_positional(name: str, args: tuple[object, ...]) -> None:
    """Raise TypeError for positional arguments: jobs are stored with names."""
    if args:
        message = (
            f"Arguments of {name!r} travel by name: write enqueue(task, name=value), "
            f"not {len(args)} positional value(s)."
        )
        raise TypeError(message)
