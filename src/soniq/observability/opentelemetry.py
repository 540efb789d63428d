"""Traces and metrics by OpenTelemetry: from the call that enqueues a job to the run of its handler.

The only module that knows the package opentelemetry-api (``pip install "soniq[opentelemetry]"``).
Which spans are kept, and where they go, is for the SDK that the program sets up.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode

import soniq
from soniq.context import LUGGAGE, JobContext, Luggage
from soniq.histogram import BOUNDS
from soniq.job import NewJob
from soniq.middleware import CallNext
from soniq.observability import semconv
from soniq.outcome import summarize

if TYPE_CHECKING:
    from soniq.app import Soniq

Attributes = dict[str, str | int]


def instrument(
    app: Soniq,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
    *,
    as_child: bool = False,
) -> None:
    """Make a span of each call that enqueues, and of each run of a handler. Twice is once.

    ``send QUEUE`` (a producer) puts the context of its trace into the headers of its jobs, in the
    form that the program's propagators have: W3C's, unless they say otherwise. ``process QUEUE`` (a
    consumer) begins a trace of its own and links to the span that sent the job, however long ago
    that was and however often the job is tried. In a process that only enqueues, or only works, the
    other half does nothing.

    Args:
        app: call it before ``app.middleware``, so that the span is around everything.
        tracer_provider: instead of the global one.
        meter_provider: instead of the global one.
        as_child: the run belongs to the trace of whoever sent the job, instead of only linking to
            it: one tree, but as long as the queue is.

    Example:
        .. code-block:: python

            from soniq.observability import opentelemetry

            opentelemetry.instrument(app)
    """
    if app in INSTRUMENTED:
        return
    INSTRUMENTED.add(app)
    about = "soniq", soniq.__version__
    tracer = trace.get_tracer(*about, tracer_provider, semconv.SCHEMA_URL)
    meter = metrics.get_meter(*about, meter_provider, semconv.SCHEMA_URL)
    app.enqueue_middleware(Sending(tracer, meter).around)
    app.middleware(Processing(tracer, meter, as_child=as_child).around)


INSTRUMENTED: weakref.WeakSet[Soniq] = weakref.WeakSet()


class Sending:
    """A span around each write of new jobs."""

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter) -> None:
        self._tracer = tracer
        self._sent = meter.create_counter(
            semconv.SENT, unit="{message}", description="Jobs that were enqueued."
        )
        self._duration = meter.create_histogram(
            semconv.CALL_DURATION, unit="s", description="How long calls took that enqueue.",
            explicit_bucket_boundaries_advisory=semconv.CALL_BOUNDS,
        )  # fmt: skip

    @contextmanager
    def around(self, jobs: Sequence[NewJob]) -> Generator[Mapping[str, str]]:
        """Send the context of the span along with the jobs of one call."""
        first = jobs[0]
        common = attributes(semconv.SEND, first.queue, first.job_name)
        several: Attributes = {semconv.BATCH_COUNT: len(jobs)}
        own: Attributes = several if len(jobs) > 1 else {semconv.MESSAGE_ID: first.id}
        name = f"{semconv.SEND} {first.queue}"
        began, failure = time.perf_counter(), Attributes()
        with self._span(name, common | own) as span:
            try:
                yield pack()
            except BaseException as error:
                note(span, error)
                failure = error_type(error)
                raise
            finally:
                self._duration.record(time.perf_counter() - began, common | failure)
                self._sent.add(len(jobs), common | failure)

    def _span(self, name: str, facts: Attributes) -> Any:
        return self._tracer.start_as_current_span(
            name, kind=SpanKind.PRODUCER, attributes=facts,
            record_exception=False, set_status_on_exception=False,
        )  # fmt: skip


class Processing:
    """A span around each run of a handler."""

    def __init__(self, tracer: trace.Tracer, meter: metrics.Meter, *, as_child: bool) -> None:
        self._tracer = tracer
        self._as_child = as_child
        self._consumed = meter.create_counter(
            semconv.CONSUMED, unit="{message}", description="Jobs whose handler was called."
        )
        # The conventions advise bounds up to ten seconds; jobs take longer.
        self._duration = meter.create_histogram(
            semconv.RUN_DURATION, unit="s", description="How long handlers took.",
            explicit_bucket_boundaries_advisory=BOUNDS,
        )  # fmt: skip

    async def around(self, ctx: JobContext, call_next: CallNext) -> Any:
        """Run the rest of the chain within a span."""
        common = attributes(semconv.PROCESS, ctx.queue, ctx.job_name)
        began, failure = time.perf_counter(), Attributes()
        with self._span(ctx, common) as span:
            try:
                return await call_next(ctx)
            except BaseException as error:
                note(span, error)
                failure = error_type(error)
                raise
            finally:
                self._duration.record(time.perf_counter() - began, common | failure)
                self._consumed.add(1, common | failure)

    @contextmanager
    def _span(self, ctx: JobContext, common: Attributes) -> Generator[Span]:
        """Begin a span of its own trace, with all else that has travelled along."""
        sent = propagate.extract(ctx.headers, Context())
        sender = trace.get_current_span(sent).get_span_context()
        links = [Link(sender)] if sender.is_valid and not self._as_child else []
        own: Attributes = {semconv.MESSAGE_ID: ctx.job_id, semconv.ATTEMPT: ctx.attempt}
        if ctx.worker_id is not None:
            own[semconv.CLIENT_ID] = ctx.worker_id
        # Never within the span that the worker was started in: the job is no part of that.
        span = self._tracer.start_span(
            f"{semconv.PROCESS} {ctx.queue}",
            context=sent if self._as_child else trace.set_span_in_context(trace.INVALID_SPAN, sent),
            kind=SpanKind.CONSUMER,
            attributes=common | own,
            links=links,
        )
        token = attach(trace.set_span_in_context(span, sent))
        luggage = LUGGAGE.set((*LUGGAGE.get(), CURRENT))
        try:
            yield span
        finally:
            LUGGAGE.reset(luggage)
            detach(token)
            span.end()


def pack() -> Mapping[str, str]:
    """Return the current span and baggage, as they would travel in headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def unpack(headers: Mapping[str, str]) -> None:
    """Make current what ``pack`` has returned elsewhere."""
    attach(propagate.extract(headers, Context()))


# A handler in a process of its own is within the span of its run, too.
CURRENT = Luggage(pack, unpack)


def attributes(operation: str, queue: str, task: str) -> Attributes:
    """Return what spans and metrics of an operation have in common."""
    return {
        semconv.SYSTEM: "soniq",
        semconv.OPERATION_TYPE: operation,
        semconv.OPERATION_NAME: operation,
        semconv.DESTINATION: queue,
        semconv.TASK: task,
    }


def note(span: Span, error: BaseException) -> None:
    """Say in a span by what it failed."""
    with suppress(Exception):  # of an error that can't be shown there is less to say
        span.record_exception(error)
    span.set_attributes(error_type(error))
    span.set_status(Status(StatusCode.ERROR, summarize(error)))


def error_type(error: BaseException) -> Attributes:
    """Return the attribute that says what kind of error it was."""
    kind = type(error)
    built_in = kind.__module__ == "builtins"
    return {
        semconv.ERROR_TYPE: kind.__qualname__
        if built_in
        else f"{kind.__module__}.{kind.__qualname__}"
    }
