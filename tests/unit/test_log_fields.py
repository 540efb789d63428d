"""What log records say about the job in which they were logged."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from soniq import Soniq
from soniq.cli.logs import ConsoleFormatter
from soniq.context import current_job
from soniq.errors import PermanentFailure
from soniq.events import JobSettled
from soniq.observability.logging import FIELDS, JobFields, JsonFormatter, add_job_context
from tests.support.jobs import run_all

LOGGER = logging.getLogger("shop")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON, with the fields of jobs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(JobFields())
    handler.setFormatter(JsonFormatter())
    loggers = [LOGGER, logging.getLogger("soniq")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def of(lines: io.StringIO, logger: str) -> list[dict[str, Any]]:
    """Return what one logger has said so far."""
    told = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in told if line["logger"] == logger]


async def test_what_handlers_log_names_their_job(lines: io.StringIO) -> None:
    """On the event loop and in threads, each line has the fields of its own job."""
    async with Soniq(backend="memory") as app:

        @app.job(name="mail.send", queue="mail")
        async def send(to: str) -> None:
            LOGGER.info("to %s", to)

        @app.job(name="mail.print")
        def put(to: str) -> None:
            LOGGER.info("to %s", to, extra={"pages": 2})

        ids = [await app.enqueue(send, to="a"), await app.enqueue(put, to="b")]
        report = await run_all(app)
    told = sorted(of(lines, "shop"), key=lambda line: str(line["message"]))
    assert [{name: line[name] for name in FIELDS} for line in told] == [
        {"job_id": ids[0], "job_name": "mail.send", "attempt": 1, "queue": "mail",
         "worker_id": report.worker_id},
        {"job_id": ids[1], "job_name": "mail.print", "attempt": 1, "queue": "default",
         "worker_id": report.worker_id},
    ]  # fmt: skip
    assert told[1]["pages"] == 2


async def test_what_soniq_logs_of_a_job_names_that_job(lines: io.StringIO) -> None:
    """Outcomes are written for many jobs at once, yet each line has the fields of its own."""
    async with Soniq(backend="memory") as app:

        @app.job(name="fails")
        async def fails(number: int) -> None:
            raise PermanentFailure(f"number {number}")

        ids = {await app.enqueue(fails, number=number) for number in range(20)}
        await run_all(app)
    told = [line for line in of(lines, "soniq.worker") if "dead letters" in line["message"]]
    assert {line["job_id"] for line in told} == ids
    assert all(line["job_id"] in line["message"] for line in told)
    assert {line["job_name"] for line in told} == {"fails"}


async def test_what_is_written_for_many_belongs_to_none() -> None:
    """A listener of settled jobs does not find itself within the job that ended first."""
    found: list[object] = []
    async with Soniq(backend="memory") as app:
        app.events.on(JobSettled, lambda _: found.append(current_job()))

        @app.job(name="one")
        async def one() -> None: ...

        await app.enqueue(one)
        await run_all(app)
    assert found == [None]


def test_outside_of_jobs_the_fields_are_there_and_empty() -> None:
    """A format string may name them; JSON leaves them out."""
    record = logging.LogRecord("shop", 20, "file", 1, "hello", None, None)
    assert JobFields().filter(record)
    assert [getattr(record, name) for name in FIELDS] == [None] * 5
    assert set(json.loads(JsonFormatter().format(record))) == {
        "time", "level", "pid", "logger", "message",
    }  # fmt: skip


def test_a_line_is_written_whatever_it_carries() -> None:
    """Values that JSON does not know become text; a broken one does not cost the line."""

    class Broken:
        def __str__(self) -> str:
            raise ValueError

    record = logging.makeLogRecord({"msg": "hello", "where": {1j}, "what": Broken()})
    told = json.loads(JsonFormatter().format(record))
    assert (told["message"], told["where"]) == ("hello", "{1j}")
    assert "Broken" in told["what"]


def test_extras_do_not_replace_what_every_line_has() -> None:
    """A field ``time`` of the caller's does not hide when the line was logged."""
    record = logging.makeLogRecord({"msg": "hello", "time": "noon"})
    assert json.loads(JsonFormatter().format(record))["time"] != "noon"


def test_the_log_for_people_names_the_job_once() -> None:
    """After the message, before the traceback; not where the message does so already."""
    fields = {"job_id": "0198-x", "job_name": "mail.send", "attempt": 2}
    record = logging.makeLogRecord({"name": "shop", "msg": "sent", "levelno": 20, **fields})
    assert ConsoleFormatter().format(record).endswith("shop: sent (mail.send 0198-x, attempt 2)")
    record = logging.makeLogRecord({"name": "soniq", "msg": "Job 0198-x failed", **fields})
    assert ConsoleFormatter().format(record).endswith("soniq: Job 0198-x failed")


async def test_the_processor_for_structlog_binds_the_job() -> None:
    """It adds the fields within a job, keeps those that are there, and adds none outside."""
    events: list[Any] = []
    async with Soniq(backend="memory") as app:

        @app.job(name="one")
        async def one() -> None:
            events.append(add_job_context(None, "info", {"event": "x", "queue": "mine"}))

        job_id = await app.enqueue(one)
        await run_all(app)
    assert (events[0]["job_id"], events[0]["queue"]) == (job_id, "mine")
    assert set(events[0]) == {"event", *FIELDS}
    assert add_job_context(None, "info", {"event": "x"}) == {"event": "x"}
