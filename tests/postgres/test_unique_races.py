"""One waiting job for a key, whoever asks at the same moment and on however many connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg

from soniq.backends.postgres import PostgresBackend
from soniq.job import JobStatus, NewJob
from soniq.outcome import Failure, Retry, Settlement

NewJobs = Callable[..., NewJob]
WAITING_FOR_ME = """
SELECT count(*) FROM pg_locks
WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
"""


async def test_fifty_callers_one_job(postgres: PostgresBackend, new_job: NewJobs) -> None:
    """Fifty racing inserts of one key make one job, and all are told its id."""
    jobs = [new_job(unique_key="once") for _ in range(50)]
    answers = await asyncio.gather(*(postgres.jobs.insert([job]) for job in jobs))
    (written,) = await postgres.jobs.find()
    assert answers == [[written.id]] * 50


async def test_batches_in_opposite_order(postgres: PostgresBackend, new_job: NewJobs) -> None:
    """Batches that name the same keys in different orders never wait for each other in a circle."""
    keys = [f"key {number}" for number in range(10)]
    batches = [
        [new_job(unique_key=key) for key in (keys if number % 2 else reversed(keys))]
        for number in range(20)
    ]
    answers = await asyncio.gather(*(postgres.jobs.insert(batch) for batch in batches))
    written = {job.unique_key: job.id for job in await postgres.jobs.find()}
    assert set(written) == set(keys)
    expected = [[written[job.unique_key] for job in batch] for batch in batches]
    assert answers == expected


async def test_insert_while_others_claim(
    postgres: PostgresBackend, new_job: NewJobs, worker_id: str
) -> None:
    """A holder that is claimed while a duplicate is refused never leaves a caller without a job."""

    async def claim_all() -> None:
        for _ in range(50):
            await postgres.jobs.claim(("default",), limit=1, worker=worker_id)

    async def insert_many() -> list[list[str]]:
        return [await postgres.jobs.insert([new_job(unique_key="hot")]) for _ in range(50)]

    answers, *_ = await asyncio.gather(insert_many(), claim_all(), insert_many())
    known = {job.id for job in await postgres.jobs.find(limit=1000)}
    assert {job_id for answer in answers for job_id in answer} <= known


async def test_insert_waits_for_an_open_transaction(
    postgres: PostgresBackend,
    onlooker: asyncpg.Connection[asyncpg.Record],
    new_job: NewJobs,
) -> None:
    """Where a transaction that holds the key is rolled back, the one who waited has its job."""
    transaction = onlooker.transaction()
    await transaction.start()
    await postgres.jobs.insert([new_job(unique_key="once")], connection=onlooker)
    mine = new_job(unique_key="once")
    waiting = asyncio.create_task(postgres.jobs.insert([mine]))
    while not await onlooker.fetchval(WAITING_FOR_ME):
        assert not waiting.done()
    await transaction.rollback()
    assert await waiting == [mine.id]


async def test_retries_of_two_with_one_key(
    postgres: PostgresBackend, new_job: NewJobs, worker_id: str
) -> None:
    """Of two jobs with one key that go back in the same batch one keeps it, and none is lost."""
    claims = []
    for _ in range(2):
        await postgres.jobs.insert([new_job(unique_key="once")])
        claims += await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    retry = Retry(0.0, Failure("ValueError: no"))
    owned = await postgres.jobs.settle(
        [Settlement(claim, retry) for claim in claims], worker=worker_id
    )
    jobs = await postgres.jobs.find()
    assert owned == {claim.id for claim in claims}
    assert [job.status for job in jobs] == [JobStatus.QUEUED, JobStatus.QUEUED]
    assert sorted(str(job.unique_key) for job in jobs) == ["None", "once"]
