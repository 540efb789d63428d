"""What PostgreSQL can't store never hurts another row."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.job import ClaimedJob, JobStatus, NewJob
from soniq.outcome import Bury, Complete, Failure, Reason, Retry, Settlement

NewJobs = Callable[..., NewJob]
DEEP = "[" * 100_000 + "]" * 100_000


async def claim(
    postgres: PostgresBackend, new_job: NewJobs, worker_id: str, number: int
) -> list[ClaimedJob]:
    """Enqueue jobs and claim them."""
    await postgres.jobs.insert([new_job() for _ in range(number)])
    return await postgres.jobs.claim(("default",), limit=number, worker=worker_id)


@pytest.mark.parametrize("result", ["{broken", '"\udc80"', '"\x00"', DEEP])
async def test_result_that_cannot_be_stored(
    postgres: PostgresBackend,
    new_job: NewJobs,
    worker_id: str,
    result: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The job is done without a result and says why; the others of its batch keep theirs."""
    before, bad, after = await claim(postgres, new_job, worker_id, 3)
    settlements = [
        Settlement(before, Complete("1")),
        Settlement(bad, Complete(result)),
        Settlement(after, Complete('"fine"')),
    ]
    owned = await postgres.jobs.settle(settlements, worker=worker_id)
    jobs = [await postgres.jobs.get(job.id) for job in (before, bad, after)]
    assert owned == {before.id, bad.id, after.id}
    assert [job and job.status for job in jobs] == [JobStatus.DONE] * 3
    assert [job and job.result for job in jobs] == [1, None, "fine"]
    assert jobs[1]
    assert "can't be stored" in str(jobs[1].result_error)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_texts_that_cannot_be_stored(
    postgres: PostgresBackend, new_job: NewJobs, worker_id: str
) -> None:
    """Errors with NUL and lone surrogates are written in a form that can be stored."""
    retried, buried = await claim(postgres, new_job, worker_id, 2)
    failure = Failure("ValueError: \x00", "frame \udc80")
    owned = await postgres.jobs.settle(
        [
            Settlement(retried, Retry(0.0, failure)),
            Settlement(buried, Bury(Reason.TIMEOUT, failure)),
        ],
        worker=worker_id,
    )
    job = await postgres.jobs.get(retried.id)
    letter = await postgres.dead_letters.get(buried.id)
    assert owned == {retried.id, buried.id}
    assert job
    assert letter
    assert job.last_error == letter.last_error == "ValueError: \\x00"
    assert job.last_traceback == letter.last_traceback == "frame \\udc80"
