"""Whatever the description of the API allows, and what it does not: answers, never errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from soniq import Soniq
from soniq.dashboard.api.routes import DESCRIPTION
from tests.support.dashboard import HERE, KEY, asking, board_of, dashboard_app, filled

WRITTEN = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
SCHEMA = schemathesis.openapi.from_dict(WRITTEN)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
Ask = Callable[[str, str, dict[str, Any]], httpx.Response]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask a dashboard on a SQLite file with one of each in it: ``ask(method, path, options)``."""
    path = tmp_path_factory.mktemp("api") / "jobs.db"
    with asyncio.Runner() as runner:
        soniq = Soniq(database_url=f"sqlite:///{path}")
        app = dashboard_app(soniq, api_key=KEY, write=True)
        runner.run(filled(soniq))

        async def once(method: str, path: str, options: dict[str, Any]) -> httpx.Response:
            async with asking(app, x_api_key=KEY) as client:
                return await client.request(method, path, **options)

        yield lambda *call: runner.run(once(*call))
        runner.run(board_of(app).operations.close())
        runner.run(soniq.close())


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_no_request_is_a_server_error(operation: Any, ask: Ask) -> None:
    """Every answer has a status, a type and a form that the description knows."""
    both = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @BOUNDED
    @given(case=both)
    def each(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=HERE)
        path = sent["url"].removeprefix(HERE)
        options = {"params": sent.get("params"), "headers": printable(sent["headers"])}
        case.validate_response(ask(sent["method"], path, options), checks=CHECKS)

    each()


def printable(headers: Any) -> dict[str, str]:
    """Return the headers that a client can send at all."""
    return {name: value for name, value in dict(headers).items() if str(value).isascii()}
