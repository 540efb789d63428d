"""Middleware: functions around every handler, first registered outermost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from soniq.context import JobContext

CallNext = Callable[[JobContext], Awaitable[Any]]
Middleware = Callable[[JobContext, CallNext], Awaitable[Any]]


def compose(middleware: Sequence[Middleware], handler: CallNext) -> CallNext:
    """Return one callable that runs the middleware around the handler.

    Example:
        .. code-block:: python

            @app.middleware
            async def timed(ctx: JobContext, call_next):
                started = time.perf_counter()
                try:
                    return await call_next(ctx)
                finally:
                    print(ctx.job_name, time.perf_counter() - started)
    """
    chain = handler
    for wrapper in reversed(middleware):
        chain = wrap(wrapper, chain)
    return chain


def wrap(wrapper: Middleware, call_next: CallNext) -> CallNext:
    """Return the callable that enters ``wrapper`` with the rest of the chain."""

    async def call(ctx: JobContext) -> Any:
        return await wrapper(ctx, call_next)

    return call
