"""Connections that break under a statement."""

from __future__ import annotations

from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.clock import SystemClock
from soniq.errors import DatabaseUnreachable
from soniq.events import Events
from soniq.job import JobStatus, NewJob
from soniq.outcome import Complete, Settlement
from soniq.worker.settle import Settler

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


async def test_completion_whose_answer_was_lost(
    postgres: PostgresBackend,
    new_job: NewJobs,
    worker_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker says it again, learns that it still owns the job, and counts it as complete."""
    await postgres.jobs.insert([new_job()])
    (job,) = await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    run = postgres._db.fetch
    lost: list[str] = []

    async def lose_the_first_answer(verb: str, *args: object) -> list[asyncpg.Record]:
        records = await run(verb, *args)
        if not lost:
            lost.append(verb)
            raise DatabaseUnreachable
        return records

    settler = Settler(postgres, worker_id, events=Events(), clock=SystemClock())
    with monkeypatch.context() as patch:
        patch.setattr(postgres._db, "fetch", lose_the_first_answer)
        await settler.settle(Settlement(job, Complete("7")))
    assert (lost, dict(settler.tally)) == (["jobs/complete"], {"complete": 1})
    done = await postgres.jobs.get(job.id)
    assert done is not None
    assert (done.status, done.result) == (JobStatus.DONE, 7)


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
