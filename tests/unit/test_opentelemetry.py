"""Spans of those who enqueue and of those who run jobs, linked over the database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv._incubating.attributes import messaging_attributes
from opentelemetry.semconv._incubating.metrics import messaging_metrics
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import SpanKind, StatusCode

from soniq import JobContext, Soniq
from soniq.errors import PermanentFailure
from soniq.histogram import BOUNDS
from soniq.observability import semconv
from soniq.observability.opentelemetry import instrument
from tests.support import process_jobs
from tests.support.jobs import dead_letter_of, job_of, run_all

EXPORTER = InMemorySpanExporter()
TRACERS = TracerProvider()
TRACERS.add_span_processor(SimpleSpanProcessor(EXPORTER))
READER = InMemoryMetricReader()
METERS = MeterProvider([READER])


@pytest.fixture
async def app() -> AsyncIterator[Soniq]:
    """An app in memory whose spans and metrics are collected."""
    EXPORTER.clear()
    async with Soniq(backend="memory") as app:
        instrument(app, TRACERS, METERS)
        yield app


def spans(kind: SpanKind) -> list[ReadableSpan]:
    """Return the spans of a kind that have ended, in that order."""
    return [span for span in EXPORTER.get_finished_spans() if span.kind is kind]


def sent() -> ReadableSpan:
    """Return the one span of whoever has enqueued."""
    [span] = spans(SpanKind.PRODUCER)
    return span


def processed() -> ReadableSpan:
    """Return the one span of a run."""
    [span] = spans(SpanKind.CONSUMER)
    return span


def points(name: str, task: str) -> list[Any]:
    """Return what a metric has counted for a task."""
    data = READER.get_metrics_data()
    assert data is not None
    return [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
        if point.attributes[semconv.TASK] == task
    ]


async def test_a_run_links_to_whoever_sent_the_job(app: Soniq) -> None:
    """Two traces, connected by a link that has come through the headers of the job."""

    @app.job(name="mail.send", queue="mail")
    async def send() -> None: ...

    tracer = TRACERS.get_tracer("test")
    with tracer.start_as_current_span("request") as request:
        job_id = await app.enqueue(send)
    report = await run_all(app)
    producer, consumer = sent(), processed()
    assert (producer.name, consumer.name) == ("send mail", "process mail")
    assert producer.parent == request.get_span_context()
    assert consumer.parent is None
    [link] = consumer.links
    assert (link.context.trace_id, link.context.span_id) == (
        producer.context.trace_id, producer.context.span_id,
    )  # fmt: skip
    assert consumer.context.trace_id != producer.context.trace_id
    common = {
        "messaging.system": "soniq", "messaging.destination.name": "mail",
        "messaging.message.id": job_id, "soniq.task.name": "mail.send",
    }  # fmt: skip
    assert dict(producer.attributes or {}) == common | {
        "messaging.operation.type": "send", "messaging.operation.name": "send",
    }  # fmt: skip
    assert dict(consumer.attributes or {}) == common | {
        "messaging.operation.type": "process", "messaging.operation.name": "process",
        "messaging.client.id": report.worker_id, "soniq.job.attempt": 1,
    }  # fmt: skip
    assert consumer.instrumentation_scope is not None
    assert consumer.instrumentation_scope.schema_url == semconv.SCHEMA_URL


async def test_the_context_travels_in_w3c_form(app: Soniq) -> None:
    """As ``traceparent``, so that programs in other languages can read it."""

    @app.job(name="one")
    async def one() -> None: ...

    job = await job_of(app, await app.enqueue(one))
    context = sent().context
    parts = f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}"
    assert job.headers == {"traceparent": "-".join(["00", *parts])}


async def test_a_batch_is_one_span(app: Soniq) -> None:
    """With the number of its jobs; each of their runs links to it."""

    @app.job(name="many", queue="bulk")
    async def many(number: int) -> None: ...

    await app.enqueue_many(many, [{"number": n} for n in range(3)])
    await run_all(app)
    attributes = sent().attributes or {}
    assert attributes["messaging.batch.message_count"] == 3
    assert "messaging.message.id" not in attributes
    runs = spans(SpanKind.CONSUMER)
    assert [run.links[0].context.span_id for run in runs] == [sent().context.span_id] * 3


async def test_a_failure_is_told_by_each_attempt(app: Soniq) -> None:
    """Both spans have the error, its type and its traceback; both link to the same sender."""

    @app.job(name="fails", retries=1)
    async def fails() -> None:
        raise ValueError("wrong")

    await app.enqueue(fails)
    await run_all(app)
    runs = spans(SpanKind.CONSUMER)
    assert [(run.attributes or {})["soniq.job.attempt"] for run in runs] == [1, 2]
    for run in runs:
        assert run.status.status_code is StatusCode.ERROR
        assert run.status.description == "ValueError: wrong"
        assert (run.attributes or {})["error.type"] == "ValueError"
        assert [event.name for event in run.events] == ["exception"]
        assert run.links[0].context.span_id == sent().context.span_id


async def test_an_error_that_can_not_be_shown_is_told(app: Soniq) -> None:
    """It fails the job as it would without traces."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise KeyError

    @app.job(name="broken", retries=0)
    async def broken() -> None:
        raise Broken

    job_id = await app.enqueue(broken)
    await run_all(app)
    assert (await dead_letter_of(app, job_id)).reason == "max_retries_exceeded"
    assert "Broken" in (processed().status.description or "")


async def test_a_timeout_is_a_failure(app: Soniq) -> None:
    """What the handler is told to end by is what its span ends by."""

    @app.job(name="slow", timeout=0.01, retries=0)
    async def slow() -> None:
        await asyncio.Event().wait()

    await app.enqueue(slow)
    await run_all(app)
    assert processed().status.status_code is StatusCode.ERROR
    kind = (processed().attributes or {})["error.type"]
    assert kind == "asyncio.exceptions.CancelledError"


async def test_jobs_of_a_job_are_parts_of_its_trace(app: Soniq) -> None:
    """What a handler enqueues, on the event loop or in a thread, is sent within its span."""
    found: list[trace.SpanContext] = []

    @app.job(name="inner")
    def inner() -> None:
        found.append(trace.get_current_span().get_span_context())

    @app.job(name="outer")
    async def outer() -> None:
        await app.enqueue(inner)

    await app.enqueue(outer)
    await run_all(app)
    outer_run, inner_run = spans(SpanKind.CONSUMER)
    inner_send = spans(SpanKind.PRODUCER)[1]
    assert inner_send.parent is not None
    assert inner_send.parent.span_id == outer_run.context.span_id
    assert [one.span_id for one in found] == [inner_run.context.span_id]


async def test_a_handler_in_a_process_is_within_its_span(app: Soniq) -> None:
    """It finds the span of its own run as the current one, with baggage, nothing of the last."""
    job = app.job(name="apart", executor="process")(process_jobs.of_trace)
    token = context.attach(baggage.set_baggage("tenant", "a"))
    ids = [await app.enqueue(job)]
    context.detach(token)
    ids.append(await app.enqueue(job))
    await run_all(app, concurrency=1)
    results = [await app.get_result(job_id) for job_id in ids]
    runs = [run.context for run in spans(SpanKind.CONSUMER)]
    assert [tuple(result[:3]) for result in results] == [
        (runs[0].trace_id, runs[0].span_id, "a"),
        (runs[1].trace_id, runs[1].span_id, None),
    ]
    [process] = {result[3] for result in results}
    assert process != os.getpid()


async def test_without_traces_a_process_has_none() -> None:
    """What is not switched on does not travel, whatever the worker was started in."""
    async with Soniq(backend="memory") as app:
        job_id = await app.enqueue(app.job(name="apart", executor="process")(process_jobs.of_trace))
        with TRACERS.get_tracer("test").start_as_current_span("main"):
            await run_all(app)
        assert (await app.get_result(job_id))[:3] == [0, 0, None]


async def test_a_run_is_no_part_of_what_the_worker_was_started_in(app: Soniq) -> None:
    """A span that happens to be current around ``run_worker`` is not its parent."""

    @app.job(name="one")
    async def one() -> None: ...

    await app.enqueue(one)
    with TRACERS.get_tracer("test").start_as_current_span("main"):
        await run_all(app)
    assert processed().parent is None


async def test_a_run_may_be_a_child() -> None:
    """If that is wanted: one trace from the request to the run, and no link."""
    EXPORTER.clear()
    async with Soniq(backend="memory") as app:
        instrument(app, TRACERS, METERS, as_child=True)

        @app.job(name="one")
        async def one() -> None: ...

        await app.enqueue(one)
        await run_all(app)
    producer, consumer = sent(), processed()
    assert consumer.parent is not None
    assert consumer.parent.span_id == producer.context.span_id
    assert consumer.context.trace_id == producer.context.trace_id
    assert consumer.links == ()


async def test_baggage_travels(app: Soniq) -> None:
    """What a program has put there for all that follows, the handler finds."""
    found: list[object] = []

    @app.job(name="one")
    async def one() -> None:
        found.append(baggage.get_baggage("tenant"))

    token = context.attach(baggage.set_baggage("tenant", "a"))
    try:
        await app.enqueue(one)
    finally:
        context.detach(token)
    await run_all(app)
    assert found == ["a"]


async def test_a_job_without_a_sender_has_a_trace_of_its_own(app: Soniq) -> None:
    """Enqueued by a program without traces, or with headers that are none: no link, no error."""

    @app.job(name="one")
    async def one(ctx: JobContext) -> None: ...

    app._enqueuer.middleware.clear()
    await app.enqueue(one)
    app.enqueue_middleware(lambda _: nullcontext({"traceparent": "x"}))
    await app.enqueue(one)
    await run_all(app)
    assert [list(run.links) for run in spans(SpanKind.CONSUMER)] == [[], []]


async def test_what_can_not_be_sent_is_a_failure(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The span of the call says so, and the call raises as it would without one."""

    @app.job(name="unsent")
    async def unsent() -> None: ...

    async def insert(*_: Any, **__: Any) -> list[str]:
        raise OSError("away")

    monkeypatch.setattr(app.backend.jobs, "insert", insert)
    with pytest.raises(OSError, match="away"):
        await app.enqueue(unsent)
    assert sent().status.status_code is StatusCode.ERROR
    [point] = points(semconv.SENT, "unsent")
    assert (point.value, point.attributes["error.type"]) == (1, "OSError")
    [point] = points(semconv.CALL_DURATION, "unsent")
    assert (point.count, point.attributes["error.type"]) == (1, "OSError")


async def test_metrics_count_what_was_sent_and_processed(app: Soniq) -> None:
    """By queue and task, failures apart from the rest."""

    @app.job(name="counted", queue="mail")
    async def counted(well: bool) -> None:
        if not well:
            raise PermanentFailure

    for well in (True, True, False):
        await app.enqueue(counted, well=well)
    await run_all(app)
    assert [point.value for point in points(semconv.SENT, "counted")] == [3]
    outcomes = {
        point.attributes.get("error.type"): point.value
        for point in points(semconv.CONSUMED, "counted")
    }
    assert outcomes == {None: 2, "soniq.errors.PermanentFailure": 1}
    for name, bounds in (
        (semconv.CALL_DURATION, semconv.CALL_BOUNDS), (semconv.RUN_DURATION, BOUNDS),
    ):  # fmt: skip
        durations = points(name, "counted")
        assert sum(point.count for point in durations) == 3
        assert {point.attributes[semconv.DESTINATION] for point in durations} == {"mail"}
        assert {tuple(point.explicit_bounds) for point in durations} == {bounds}


async def test_an_app_is_instrumented_once(app: Soniq) -> None:
    """Again changes nothing."""
    instrument(app, TRACERS, METERS)

    @app.job(name="one")
    async def one() -> None: ...

    await app.enqueue(one)
    await run_all(app)
    assert (sent().name, processed().name) == ("send default", "process default")


def test_names_are_those_of_the_conventions() -> None:
    """Of the version that they say they are of; what is Soniq's own says so."""
    known = {
        value
        for module in (messaging_attributes, messaging_metrics, error_attributes)
        for value in vars(module).values()
        if isinstance(value, str)
    }
    used = {
        value
        for name, value in vars(semconv).items()
        if name.isupper() and isinstance(value, str) and "." in value
    }
    own = {value for value in used if value.startswith("soniq.")}
    assert used - known - own == {semconv.VERSION, semconv.SCHEMA_URL}
    assert semconv.SCHEMA_URL in {schema.value for schema in Schemas}
