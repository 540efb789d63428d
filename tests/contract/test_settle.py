"""Settling: what each outcome makes of a job."""

from __future__ import annotations

from datetime import timedelta

import pytest

from soniq.backends.contract import Backend
from soniq.job import JobStatus
from soniq.outcome import (
    Bury,
    Complete,
    Crash,
    Failure,
    Outcome,
    Reason,
    Release,
    Retry,
    Settlement,
    Snooze,
)
from tests.support import FrozenClock
from tests.support.store import (
    OOPS,
    WORKER,
    buried,
    claim,
    claimed_job,
    insert,
    letter,
    look,
    new_job,
    settle,
)


async def test_complete(backend: Backend, clock: FrozenClock) -> None:
    """A completed job is DONE, with its result and the moment of its end."""
    job = await claimed_job(backend, new_job(clock))
    started = clock.now()
    clock.advance(seconds=3)
    assert await settle(backend, job, Complete('{"sent": [1, 2.5, null]}'))
    row = await look(backend, job.id)
    assert row.status is JobStatus.DONE
    assert row.result == {"sent": [1, 2.5, None]}
    assert (row.started_at, row.finished_at) == (started, clock.now())
    assert (row.attempts, row.result_error, row.worker_id) == (1, None, WORKER)
    assert await claim(backend) == []


async def test_complete_without_a_result(backend: Backend, clock: FrozenClock) -> None:
    """A result that could not be kept is null, and the reason stands beside it."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Complete(None, "a socket can't be stored"))
    row = await look(backend, job.id)
    assert (row.status, row.result) == (JobStatus.DONE, None)
    assert row.result_error == "a socket can't be stored"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("false", False),
        ("0", 0),
        ('""', ""),
        ("1e308", 1e308),
        ("9007199254740993", 9007199254740993),
        ('"ü\U0001f980"', "ü\U0001f980"),
        ("[]", []),
    ],
)
async def test_results_are_any_json(
    backend: Backend, clock: FrozenClock, text: str, value: object
) -> None:
    """Every JSON value comes back as itself."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Complete(text))
    result = (await look(backend, job.id)).result
    assert (type(result), result) == (type(value), value)


async def test_retry(backend: Backend, clock: FrozenClock) -> None:
    """A job to be retried is queued for later, with its error and the attempt spent."""
    job = await claimed_job(backend, new_job(clock))
    started = clock.now()
    clock.advance(seconds=3)
    assert await settle(backend, job, Retry(20.5, OOPS))
    row = await look(backend, job.id)
    assert (row.status, row.attempts) == (JobStatus.QUEUED, 1)
    assert row.scheduled_at == clock.now() + timedelta(seconds=20.5)
    assert (row.last_error, row.last_traceback) == (OOPS.summary, OOPS.traceback)
    assert (row.worker_id, row.finished_at, row.started_at) == (None, None, started)
    assert await claim(backend) == []
    clock.advance(seconds=20.5)
    [again] = await claim(backend)
    assert (again.id, again.attempt, again.fence) == (job.id, 2, 2)


async def test_retry_at_once(backend: Backend, clock: FrozenClock) -> None:
    """Without a delay the job can be claimed again right away."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Retry(0, OOPS))
    assert [again.attempt for again in await claim(backend)] == [2]


async def test_snooze(backend: Backend, clock: FrozenClock) -> None:
    """A snoozed job waits its seconds and has its attempt back."""
    job = await claimed_job(backend, new_job(clock))
    clock.advance(seconds=3)
    assert await settle(backend, job, Snooze(60))
    row = await look(backend, job.id)
    assert (row.status, row.attempts, row.worker_id) == (JobStatus.QUEUED, 0, None)
    assert row.scheduled_at == clock.now() + timedelta(seconds=60)
    assert row.last_error is None
    clock.advance(seconds=60)
    [again] = await claim(backend)
    assert (again.attempt, again.fence) == (1, 2)


async def test_release(backend: Backend, clock: FrozenClock) -> None:
    """A released job is due as it was before and has its attempt back."""
    new = new_job(clock, delay=5)
    await insert(backend, new)
    due = clock.now() + timedelta(seconds=5)
    clock.advance(seconds=9)
    [job] = await claim(backend)
    clock.advance(seconds=3)
    assert await settle(backend, job, Release())
    row = await look(backend, job.id)
    assert (row.status, row.attempts, row.worker_id) == (JobStatus.QUEUED, 0, None)
    assert (row.scheduled_at, row.last_error) == (due, None)
    [again] = await claim(backend)
    assert (again.attempt, again.fence) == (1, 2)


@pytest.mark.parametrize(("max_attempts", "left"), [(1, 0), (2, 1), (4, 1)])
async def test_crash(backend: Backend, clock: FrozenClock, max_attempts: int, left: int) -> None:
    """A crashed job is due as before, with its error and a crash more; never the last attempt."""
    new = new_job(clock, max_attempts=max_attempts)
    job = await claimed_job(backend, new)
    due = clock.now()
    clock.advance(seconds=3)
    assert await settle(backend, job, Crash(OOPS))
    row = await look(backend, job.id)
    assert (row.status, row.attempts, row.crashes) == (JobStatus.QUEUED, left, 1)
    assert (row.scheduled_at, row.worker_id, row.finished_at) == (due, None, None)
    assert (row.last_error, row.last_traceback) == (OOPS.summary, OOPS.traceback)
    [again] = await claim(backend)
    assert (again.attempt, again.fence, again.crashes) == (left + 1, 2, 1)


@pytest.mark.parametrize("reason", list(Reason))
async def test_only_a_burial_by_crash_counts_a_crash(
    backend: Backend, clock: FrozenClock, reason: Reason
) -> None:
    """The crash that buries a job is counted like those before it."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Crash(OOPS))
    [job] = await claim(backend)
    await settle(backend, job, Bury(reason, OOPS))
    crashes = (await letter(backend, job.id)).crashes
    assert crashes == (2 if reason is Reason.WORKER_CRASHED else 1)


async def test_a_released_job_keeps_its_place(backend: Backend, clock: FrozenClock) -> None:
    """A job that was given back is the first again."""
    jobs = [new_job(clock) for _ in range(3)]
    await insert(backend, *jobs)
    [first] = await claim(backend, limit=1)
    clock.advance(minutes=1)
    await settle(backend, first, Release())
    assert [job.id for job in await claim(backend)] == [job.id for job in jobs]


async def test_a_giving_back_keeps_the_error_of_earlier_attempts(
    backend: Backend, clock: FrozenClock
) -> None:
    """Snooze and release say nothing about errors, so the last one stays."""
    job = await claimed_job(backend, new_job(clock))
    for outcome in (Retry(0, OOPS), Snooze(0), Release()):
        assert await settle(backend, job, outcome)
        [job] = await claim(backend)
    row = await look(backend, job.id)
    assert (row.last_error, row.last_traceback) == (OOPS.summary, OOPS.traceback)
    assert (job.attempt, job.fence) == (2, 4)


async def test_bury(backend: Backend, clock: FrozenClock) -> None:
    """A buried job is a dead letter with everything known about it, and no job any more."""
    new = new_job(
        clock, "shop.pay", queue="money", priority=7, args='{"n":1}', max_attempts=2,
        headers='{"tenant": "a"}',
    )  # fmt: skip
    created = clock.now()
    await insert(backend, new)
    clock.advance(seconds=1)
    started = clock.now()
    [job] = await claim(backend)
    clock.advance(seconds=1)
    assert await settle(backend, job, Bury(Reason.TIMEOUT, OOPS))
    assert await backend.jobs.get(new.id) is None
    assert dict(await letter(backend, new.id)) == {
        "id": new.id,
        "job_name": "shop.pay",
        "queue": "money",
        "priority": 7,
        "args": {"n": 1},
        "attempts": 1,
        "max_attempts": 2,
        "reason": "timeout",
        "scheduled_at": created,
        "created_at": created,
        "started_at": started,
        "finished_at": clock.now(),
        "worker_id": WORKER,
        "last_error": OOPS.summary,
        "last_traceback": OOPS.traceback,
        "crashes": 0,
        "resurrection_count": 0,
        "resurrected_at": None,
        "headers": {"tenant": "a"},
    }


@pytest.mark.parametrize("reason", list(Reason))
async def test_every_reason_is_kept(backend: Backend, clock: FrozenClock, reason: Reason) -> None:
    """The reason of a dead letter is the word that people query for."""
    record = await buried(backend, new_job(clock), reason)
    assert record.reason == str(reason)


async def test_a_mixed_batch(backend: Backend, clock: FrozenClock) -> None:
    """One call settles any mix of outcomes, each for its own job."""
    await insert(backend, *(new_job(clock) for _ in range(12)))
    jobs = await claim(backend)
    mix: list[Outcome] = [
        Complete("1"), Retry(5, OOPS), Snooze(6), Release(), Bury(Reason.TIMEOUT, OOPS), Crash(OOPS)
    ]  # fmt: skip
    batch = [Settlement(job, mix[n % 6]) for n, job in enumerate(jobs)]
    assert await backend.jobs.settle(batch, worker=WORKER) == {job.id for job in jobs}
    seen = [await backend.jobs.get(job.id) for job in jobs]
    facts = [row and (row.status, row.attempts, row.result) for row in seen]
    queued = JobStatus.QUEUED
    assert facts == 2 * [
        (JobStatus.DONE, 1, 1), (queued, 1, None), (queued, 0, None), (queued, 0, None), None,
        (queued, 1, None),
    ]  # fmt: skip
    assert len(await backend.dead_letters.find()) == 2


async def test_each_row_gets_its_own_values(backend: Backend, clock: FrozenClock) -> None:
    """In a batch of one kind no result, error or delay goes to the wrong job."""
    await insert(backend, *(new_job(clock) for _ in range(30)))
    jobs = await claim(backend)
    retries = [
        Settlement(job, Retry(n + 1, Failure(f"E: {n}", f"T {n}"))) for n, job in enumerate(jobs)
    ]
    await backend.jobs.settle(retries[::-1], worker=WORKER)
    for n, job in enumerate(jobs):
        row = await look(backend, job.id)
        assert row.scheduled_at == clock.now() + timedelta(seconds=n + 1)
        assert (row.last_error, row.last_traceback) == (f"E: {n}", f"T {n}")
    clock.advance(minutes=1)
    again = await claim(backend)
    await backend.jobs.settle(
        [Settlement(job, Complete(f'"{job.id}"')) for job in again], worker=WORKER
    )
    assert {row.id: row.result for row in await backend.jobs.find()} == {
        job.id: job.id for job in jobs
    }


async def test_nothing_to_settle(backend: Backend) -> None:
    """An empty batch is no error."""
    assert await backend.jobs.settle([], worker=WORKER) == set()


BAD_RESULTS = ['{"never closed": ', "NaN", "", '"\\u0000"', "[" * 200_000]


@pytest.mark.parametrize("bad", BAD_RESULTS, ids=["open", "nan", "empty", "nul", "deep"])
async def test_a_result_that_cannot_be_stored_hurts_nobody(
    backend: Backend, clock: FrozenClock, bad: str
) -> None:
    """Whatever a result looks like, its job is done and so are the others of the batch."""
    await insert(backend, *(new_job(clock) for _ in range(3)))
    jobs = await claim(backend)
    batch = [
        Settlement(job, Complete(text)) for job, text in zip(jobs, ["1", bad, "3"], strict=True)
    ]
    assert await backend.jobs.settle(batch, worker=WORKER) == {job.id for job in jobs}
    rows = [await look(backend, job.id) for job in jobs]
    assert [row.status for row in rows] == 3 * [JobStatus.DONE]
    assert (rows[0].result, rows[2].result) == (1, 3)
    assert (rows[0].result_error, rows[2].result_error) == (None, None)


async def test_an_unreadable_result_is_null_and_says_why(
    backend: Backend, clock: FrozenClock
) -> None:
    """Text that is no JSON is not kept, and ``result_error`` tells."""
    job = await claimed_job(backend, new_job(clock))
    assert await settle(backend, job, Complete('{"never closed": '))
    row = await look(backend, job.id)
    assert row.result is None
    assert row.result_error


async def test_a_bad_error_text_hurts_nobody(backend: Backend, clock: FrozenClock) -> None:
    """Errors that no database can store keep neither their own job nor others from settling."""
    await insert(backend, *(new_job(clock) for _ in range(4)))
    jobs = await claim(backend)
    bad = Failure("E: \x00 \ud800", "T: \x00 \udfff")
    mix: list[Outcome] = [Complete("1"), Retry(0, bad), Bury(Reason.TIMEOUT, bad), Retry(0, OOPS)]
    batch = [Settlement(job, outcome) for job, outcome in zip(jobs, mix, strict=True)]
    owned = await backend.jobs.settle(batch, worker=WORKER)
    assert {jobs[0].id, jobs[3].id} <= owned
    assert (await look(backend, jobs[0].id)).status is JobStatus.DONE
    assert (await look(backend, jobs[3].id)).last_error == OOPS.summary


async def test_long_and_foreign_errors(backend: Backend, clock: FrozenClock) -> None:
    """Errors of 100,000 characters of any script are kept in full."""
    failure = Failure("Fehler: 你好 \U0001f980", "ü" * 100_000)
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Retry(0, failure))
    row = await look(backend, job.id)
    assert (row.last_error, row.last_traceback) == (failure.summary, failure.traceback)


async def test_a_failure_without_traceback(backend: Backend, clock: FrozenClock) -> None:
    """A failure may have no traceback; an older one does not stay beside the new error."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Retry(0, OOPS))
    [job] = await claim(backend)
    await settle(backend, job, Retry(0, Failure("TimeoutError: too long")))
    row = await look(backend, job.id)
    assert (row.last_error, row.last_traceback) == ("TimeoutError: too long", None)
