"""Run coroutine functions on the worker's event loop."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

NOTHING = nullcontext()


class AsyncRunner:
    """Awaits the handler in the calling task; cancelling that task cancels the handler."""

    def slot(self) -> AbstractAsyncContextManager[object]:
        """There is always room: the worker's concurrency is the only limit."""
        return NOTHING

    async def call(self, handler: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Return what the handler returns."""
        return await handler(**arguments)

    def close(self) -> bool:
        """There is nothing to give back."""
        return True
