"""Which tasks an app knows, by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any

from soniq.errors import DuplicateTaskName, InvalidTaskName, UnknownTask
from soniq.handler import derive_name
from soniq.options import TaskOptions, check_name
from soniq.task import Enqueues, Task


class Registry:
    """The tasks of one app. Names are unique; the same function may come again (module reload)."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self._tasks: dict[str, Task[Any, Any]] = {}

    def __len__(self) -> int:
        """Return the number of tasks."""
        return len(self._tasks)

    def __contains__(self, name: str) -> bool:
        """Tell whether a task of that name is known."""
        return name in self._tasks

    @property
    def names(self) -> tuple[str, ...]:
        """The known names, sorted."""
        return tuple(sorted(self._tasks))

    def define(
        self,
        handler: Callable[..., Any],
        name: str | None,
        options: TaskOptions,
        enqueues: Enqueues,
    ) -> Task[..., Any]:
        """Make a task of a function and take it in; without a name it gets the function's own.

        Raises:
            InvalidTaskName: a name that breaks the pattern.
            InvalidHandler: something that can't be called by a worker.
            DuplicateTaskName: another function has the name already.
        """
        if name is not None:
            self.check_explicit_name(check_name(name))
        task = Task(name or derive_name(handler), handler, options, enqueues)
        self.add(task)
        return task

    def add(self, task: Task[Any, Any]) -> None:
        """Take a task in; the same function under the same name replaces itself.

        Raises:
            DuplicateTaskName: another function has the name already.
        """
        known = self._tasks.get(task.name)
        if known is not None and not same_function(known.handler, task.handler):
            message = (
                f"Task name {task.name!r} is taken by {describe(known.handler)}; "
                f"give {describe(task.handler)} another with name=."
            )
            raise DuplicateTaskName(message)
        self._tasks[task.name] = task

    def check_explicit_name(self, name: str) -> None:
        """Refuse a name that was written by hand and breaks the pattern (it is a wire protocol).

        Raises:
            InvalidTaskName: with the pattern and an example.
        """
        if not self._pattern.fullmatch(name):
            message = (
                f"Task name {name!r} does not match {self._pattern.pattern!r}: use lower-case "
                "ASCII words joined by dots, such as 'users.send_email' "
                "(or set SONIQ_TASK_NAME_PATTERN)."
            )
            raise InvalidTaskName(message)

    def find(self, name: str) -> Task[Any, Any] | None:
        """Return the task of that name, or None."""
        return self._tasks.get(name)

    def find_handler(self, handler: Callable[..., Any]) -> Task[Any, Any] | None:
        """Return the task that wraps this very function, or None."""
        return next((task for task in self._tasks.values() if task.handler is handler), None)

    def get(self, name: str) -> Task[Any, Any]:
        """Return the task of that name.

        Raises:
            UnknownTask: with the nearest known name.
        """
        task = self._tasks.get(name)
        if task is None:
            raise UnknownTask(self.explain_unknown(name))
        return task

    def explain_unknown(self, name: str) -> str:
        """Return the sentence that says that a name is unknown, and what may cure it."""
        close = difflib.get_close_matches(name, self._tasks, n=1, cutoff=0.5)
        if close:
            return f"Unknown task {name!r}. Did you mean {close[0]!r}?"
        return (
            f"Unknown task {name!r}: no @app.job() of that name is registered in this app. Import "
            "the module that defines it, or set enqueue_validation='none' if it lives elsewhere."
        )


def same_function(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    """Tell whether two functions are the same piece of source, perhaps loaded twice."""
    if one is other:
        return True
    return source_of(one) == source_of(other) is not None


def source_of(handler: Callable[..., Any]) -> tuple[str, str, str, int] | None:
    """Return module, qualname, file and line of a function, or None where it has none."""
    code = getattr(handler, "__code__", None)
    if code is None:
        return None
    return handler.__module__, handler.__qualname__, code.co_filename, code.co_firstlineno


def describe(handler: Callable[..., Any]) -> str:
    """Return ``module.qualname`` with file and line, for messages."""
    code = getattr(handler, "__code__", None)
    place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
    return f"{handler.__module__}.{handler.__qualname__}{place}"
