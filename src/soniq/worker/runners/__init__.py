"""Ways to run a handler: on the event loop, or in a thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol


class Runner(Protocol):
    """Runs handlers in one way and owns what it needs for that."""

    def slot(self) -> AbstractAsyncContextManager[object]:
        """Wait for a place to run in; the time spent here is not the job's."""
        ...

    async def call(self, handler: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Return what the handler returns, or raise what it raises.

        When the calling task is cancelled, CancelledError is raised only once the handler has
        really ended.
        """
        ...

    def close(self) -> bool:
        """Give everything back; False if a handler could not be stopped and still runs."""
        ...
