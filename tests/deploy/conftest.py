"""What a worker tells Prometheus, as the files of ``deploy/`` may ask for it."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Callable, Iterable
from contextlib import closing

import pytest
from prometheus_client import parser
from prometheus_client.core import Metric
from prometheus_client.openmetrics import parser as openmetrics

from soniq import Soniq
from soniq.events import PassFailed
from soniq.observability.server import serving
from tests.support.jobs import PATIENCE, run_all
from tests.support.postgres import Server, run_apart

Series = dict[str, set[str]]

# Each form that Prometheus may ask for, and what reads it.
FORMS: dict[str, Callable[[str], Iterable[Metric]]] = {
    "text/plain; version=0.0.4": parser.text_string_to_metric_families,
    "application/openmetrics-text; version=1.0.0": openmetrics.text_string_to_metric_families,
}


@pytest.fixture(scope="session")
def series(postgres_server: Server) -> Series:
    """The series in a scrape of a worker that has met all that is counted, each with its labels."""
    name = postgres_server.clone()
    plain, openly = run_apart(lambda: scrape(postgres_server.url_of(name)))
    postgres_server.drop(name)
    assert plain == openly
    return plain


async def scrape(url: str) -> list[Series]:
    """Return what a worker tells in the middle of its second job, in each of the two forms."""
    async with Soniq(url) as app, serving(app, 0) as port:
        told: list[Series] = []

        @app.job(name="first")
        async def first() -> None: ...

        @app.job(name="second")
        async def second() -> None:
            await app.wait_for(job_id, PATIENCE)
            told.extend([await asyncio.to_thread(fetch, port, form) for form in FORMS])

        job_id = await app.enqueue(first)
        await app.enqueue(second)
        await app.events.emit(PassFailed("claim", OSError()))
        await run_all(app, concurrency=1)
    return told


def fetch(port: int, form: str) -> Series:
    """Return the series that a process tells when it is asked for this form."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request("GET", "/metrics", headers={"Accept": form})
        answer = connection.getresponse()
        assert answer.headers["Content-Type"].startswith(form)
        text = answer.read().decode()
    found = [sample for metric in FORMS[form](text) for sample in metric.samples]
    return {sample.name: set(sample.labels) for sample in found}
