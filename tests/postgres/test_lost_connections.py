"""Connections that break under a statement."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.errors import DatabaseUnreachable
from soniq.job import JobStatus, NewJob
from soniq.outcome import Complete, Settlement

NewJobs = Callable[..., NewJob]
# Other tests run on the same server at the same time.
KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'soniq' AND datname = current_database()
"""


async def test_statements_survive_a_restart(
    postgres: PostgresBackend,
    onlooker: asyncpg.Connection[asyncpg.Record],
    new_job: NewJobs,
) -> None:
    """When all connections were killed, an insert gets another one and nobody notices."""
    for _ in range(5):
        await onlooker.execute(KILL)
        await postgres.jobs.insert([new_job()])
    assert len(await postgres.jobs.find()) == 5


async def test_claim_whose_answer_was_lost(
    postgres: PostgresBackend,
    new_job: NewJobs,
    worker_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Jobs that were claimed for nobody are given back, unspent, by the worker's next claim."""
    await postgres.jobs.insert([new_job(), new_job()])
    (held,) = await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    run = postgres._db.fetch_once

    async def lose_the_answer(verb: str, *args: object) -> list[asyncpg.Record]:
        await run(verb, *args)
        raise DatabaseUnreachable

    with monkeypatch.context() as patch:
        patch.setattr(postgres._db, "fetch_once", lose_the_answer)
        with pytest.raises(DatabaseUnreachable):
            await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    assert [job.status for job in await postgres.jobs.find()] == [JobStatus.PROCESSING] * 2

    (again,) = await postgres.jobs.claim(("default",), limit=5, worker=worker_id)
    assert (again.id != held.id, again.attempt, again.fence) == (True, 1, 2)
    settlements = [Settlement(job, Complete()) for job in (held, again)]
    assert await postgres.jobs.settle(settlements, worker=worker_id) == {held.id, again.id}
