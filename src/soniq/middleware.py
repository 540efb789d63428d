"""Middleware: functions around every handler and every enqueue, first registered outermost."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from soniq.context import JobContext
from soniq.job import NewJob, read_headers

CallNext = Callable[[JobContext], Awaitable[Any]]
Middleware = Callable[[JobContext, CallNext], Awaitable[Any]]
EnqueueMiddleware = Callable[[Sequence[NewJob]], AbstractContextManager[Mapping[str, str]]]


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


@contextmanager
def accompanied(
    middleware: Sequence[EnqueueMiddleware], jobs: Sequence[NewJob]
) -> Generator[list[NewJob]]:
    """Enter all middleware around a write of jobs; the block gets the jobs with their headers.

    Raises:
        TypeError: headers that are not text.
    """
    with ExitStack() as stack:
        headers: dict[str, str] = {}
        for wrapper in middleware:
            headers.update(stack.enter_context(wrapper(jobs)))
        yield [with_headers(job, headers) for job in jobs]


def with_headers(job: NewJob, headers: Mapping[str, str]) -> NewJob:
    """Return a job with more headers than it has."""
    if not headers:
        return job
    for name, value in headers.items():
        if not all(isinstance(text, str) for text in (name, value)):
            message = f"Header {name!r}: {value!r} is not text. Headers are a dict of str to str."
            raise TypeError(message)
    return job._replace(headers=json.dumps(read_headers(job.headers) | dict(headers)))
