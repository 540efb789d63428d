from __future__ import annotations

import json
import subprocess
import sys

from tests.support.processes import unmeasured

HEAVY = {
    "typer",
    "click",
    "rich",
    "asyncpg",
    "aiosqlite",
    "sqlite3",
    "pydantic",
    "starlette",
    "fastapi",
    "jinja2",
    "uvicorn",
    "multiprocessing",
    "cronsim",
    "cron_descriptor",
    "prometheus_client",
    "opentelemetry",
    "structlog",
}


def loaded_by(statement: str) -> set[str]:
    """Return which of the heavy modules a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=unmeasured(),
    )
    return HEAVY.intersection(json.loads(answer.stdout))


def test_import_soniq_is_light() -> None:
    """``import soniq`` loads no dependency at all."""
    assert loaded_by("import soniq") == set()


def test_the_app_loads_no_driver_and_no_command_line() -> None:
    """``from soniq import Soniq`` loads pydantic at most: no driver, no command line."""
    assert loaded_by("from soniq import Soniq") <= {"pydantic"}


def test_a_memory_app_loads_no_driver() -> None:
    """An app loads the driver of its own backend only."""
    assert loaded_by("from soniq import Soniq; Soniq(backend='memory')") <= {"pydantic"}


def test_log_fields_need_nothing_else() -> None:
    """Whoever only wants the fields of jobs in a log loads no dependency, and no app."""
    assert loaded_by("import soniq.observability.logging") == set()


def test_a_worker_without_processes_pays_nothing_for_them() -> None:
    """A worker whose tasks all run in its own process loads nothing that starts others."""
    work = "import asyncio; asyncio.run(Soniq(backend='memory').run_worker(run_once=True))"
    assert loaded_by(f"from soniq import Soniq; {work}") <= {"pydantic"}


def test_the_probe_sees_what_is_loaded() -> None:
    """The check can fail: a module that is loaded is reported."""
    assert loaded_by("import sqlite3") == {"sqlite3"}
