"""Open PostgreSQL backends and jobs to put into them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from soniq import settings
from soniq.backends.postgres import PostgresBackend
from soniq.clock import SystemClock
from soniq.job import NewJob
from tests.support import FrozenClock

IDS = SystemClock()
NewJobs = Callable[..., NewJob]


def unopened(url: str) -> PostgresBackend:
    """Return a handle to the database that tells the time itself."""
    return PostgresBackend(url, settings.load(database_url=url), SystemClock())


@pytest.fixture
def make_postgres() -> Callable[[str], PostgresBackend]:
    """Make unopened backends: ``make_postgres(url)``."""
    return unopened


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """Open a backend on an empty database, by the database's own clock."""
    backend = unopened(postgres_url)
    await backend.open()
    yield backend
    await backend.close()


@pytest.fixture
async def frozen(postgres_url: str, clock: FrozenClock) -> AsyncIterator[PostgresBackend]:
    """Open a backend whose time stands still."""
    backend = PostgresBackend(postgres_url, settings.load(database_url=postgres_url), clock)
    await backend.open()
    yield backend
    await backend.close()


@pytest.fixture
async def onlooker(postgres_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect somebody else to the same database."""
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest.fixture
def new_job() -> NewJobs:
    """Make jobs with fresh ids: ``new_job(queue="mail")``."""

    def make(**fields: Any) -> NewJob:
        usual: dict[str, Any] = {
            "job_name": "mail.send",
            "queue": "default",
            "priority": 100,
            "args": '{"to": "a@b.example"}',
            "max_attempts": 4,
        }
        return NewJob(id=IDS.new_id(), **{**usual, **fields})

    return make


@pytest.fixture
def worker_id() -> str:
    """Choose the id of a worker."""
    return IDS.new_id()
