"""Values that no database can hold, or hardly any: they never keep a batch from being settled."""

from __future__ import annotations

import json
import math

import pytest

from soniq import JobStatus, Soniq
from soniq.backends.contract import Backend
from soniq.outcome import Bury, Complete, Failure, Outcome, Reason, Retry, Settlement, Snooze
from soniq.retry import LONGEST_DELAY
from tests.support import FrozenClock
from tests.support.jobs import dead_letter_of, run_all
from tests.support.store import OOPS, WORKER, claim, insert, letter, look, new_job

TEXTS = {
    "nul": "a\x00b",
    "surrogate": "lone \ud800, \udfff",
    "controls": "".join(map(chr, range(32))) + "\x7f\x85\u2028\ufeff\uffff",
    "huge": "x" * 10_000_000,
    "wide": "\U0001f980" * 200_000,
    "empty": "",
}
RESULTS = {
    "nul": json.dumps("a\x00b"),
    "raw nul": '"a\x00b"',
    "surrogate": json.dumps("\ud800"),
    "raw surrogate": '"\ud800"',
    "huge": json.dumps("x" * 10_000_000),
    "deep": "[" * 128 + "]" * 128,
    "deeper": '{"a":' * 300_000 + "1" + "}" * 300_000,
    "not a number": "[NaN]",
    "infinity": "-Infinity",
    "long number": "1" * 4_000,
    "large exponent": "1e999999",
    "no json": "{",
}
SECONDS = {"none": 0.0, "tiny": 5e-324, "longest": LONGEST_DELAY, "endless": math.inf}


async def settled_together(backend: Backend, clock: FrozenClock, *outcomes: Outcome) -> list[str]:
    """Settle jobs in one call, which must own them all; return their ids."""
    await insert(backend, *(new_job(clock) for _ in outcomes))
    jobs = await claim(backend)
    batch = [Settlement(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
    assert await backend.jobs.settle(batch, worker=WORKER) == {job.id for job in jobs}
    return [job.id for job in jobs]


@pytest.mark.parametrize("text", RESULTS.values(), ids=RESULTS)
async def test_results(backend: Backend, clock: FrozenClock, text: str) -> None:
    """The job is done, its result is readable or null with the reason; the others keep theirs."""
    outcomes = Complete('"before"'), Complete(text), Complete('"after"')
    before, bad, after = await settled_together(backend, clock, *outcomes)
    rows = [await look(backend, job_id) for job_id in (before, bad, after)]
    assert [row.status for row in rows] == [JobStatus.DONE] * 3
    assert (rows[0].result, rows[2].result) == ("before", "after")
    assert (rows[1].result is None) == (rows[1].result_error is not None)
    assert len(await backend.jobs.find()) == 3


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_errors(backend: Backend, clock: FrozenClock, text: str) -> None:
    """Retried and buried jobs leave the worker whatever their errors hold, and so do the others."""
    bad = Failure(text, text)
    outcomes: list[Outcome] = [
        Retry(9, OOPS), Retry(9, bad), Bury(Reason.TIMEOUT, bad), Bury(Reason.TIMEOUT, OOPS)
    ]  # fmt: skip
    ids = await settled_together(backend, clock, *outcomes)
    fine, retried = [await look(backend, job_id) for job_id in ids[:2]]
    buried, fine_letter = [await letter(backend, job_id) for job_id in ids[2:]]
    assert [fine.status, retried.status] == [JobStatus.QUEUED] * 2
    assert fine.last_error == fine_letter.last_error == OOPS.summary
    for kept in (retried.last_error, retried.last_traceback, buried.last_error):
        assert kept is not None
        assert kept[:1] == text[:1] or "\x00" in text


@pytest.mark.parametrize("seconds", SECONDS.values(), ids=SECONDS)
async def test_delays(backend: Backend, clock: FrozenClock, seconds: float) -> None:
    """Whatever is to be waited for, the job is queued at a moment that can be dated."""
    snooze = Snooze(0)
    object.__setattr__(snooze, "seconds", seconds)  # its constructor refuses the endless
    outcomes = Retry(1, OOPS), Retry(seconds, OOPS), Snooze(1), snooze
    for job_id in await settled_together(backend, clock, *outcomes):
        row = await look(backend, job_id)
        assert row.status is JobStatus.QUEUED
        assert 0 <= (row.scheduled_at - clock.now()).total_seconds() <= LONGEST_DELAY


def with_a_note() -> BaseException:
    """Return an error whose traceback holds what no database takes."""
    error = ValueError("noted")
    error.add_note("\x00 \ud800")
    return error


def with_a_long_history() -> BaseException:
    """Return an error at the end of a thousand others."""
    error = last = ValueError("first")
    for number in range(1000):
        error = ValueError(number)
        error.__cause__, last = last, error
    return error


class Untold(Exception):
    """An error that is not even able to name itself."""

    def __str__(self) -> str:
        """Fail."""
        raise SystemExit

    __repr__ = __str__


ERRORS = {
    "nul": ValueError("a\x00b"),
    "surrogate": ValueError("\ud800"),
    "huge": ValueError("x" * 10_000_000),
    "many arguments": ValueError(*range(100_000)),
    "note": with_a_note(),
    "history": with_a_long_history(),
    "untold": Untold(),
    "group of such": ExceptionGroup("\x00", [Untold(), with_a_note()]),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
async def test_what_handlers_raise(app: Soniq, error: Exception) -> None:
    """A handler's error is told as far as it can be, and the next job gets the slot."""

    @app.job(retries=1, retry_delay=0)
    async def bad() -> None:
        raise error

    @app.job()
    async def fine() -> str:
        return "fine"

    bad_id, fine_id = await app.enqueue(bad), await app.enqueue(fine)
    await run_all(app, concurrency=1)
    dead = await dead_letter_of(app, bad_id)
    assert dead.last_error is not None
    assert dead.last_error.startswith(type(error).__name__)
    assert (dead.reason, dead.attempts) == ("max_retries_exceeded", 2)
    assert await app.get_result(fine_id) == "fine"


def nested(depth: int) -> object:
    """Return a list in a list in a list, and so on."""
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


RETURNED = {
    "nested as deep as may be": (nested(100), True),
    "nested too deep": (nested(5_000), False),
    "huge": ("x" * 10_000_000, False),
    "long number": (10**4_000, True),
    "too long a number": (10**5_000, False),
    "not a number deep within": ({"a": [{"b": math.nan}]}, False),
    "odd keys": ({("a", 1): 2}, False),
    "a surrogate for a key": ({"\ud800": 2}, False),
}


@pytest.mark.parametrize(("value", "is_kept"), RETURNED.values(), ids=RETURNED)
async def test_what_handlers_return(app: Soniq, value: object, is_kept: bool) -> None:
    """A result is kept as it was, or it is null and the reason is told; the job is done."""

    @app.job()
    async def odd() -> object:
        return value

    job_id = await app.enqueue(odd)
    await run_all(app)
    [job] = await app.list_jobs()
    assert (job.id, job.status) == (job_id, JobStatus.DONE)
    assert (job.result == value, job.result_error is None) == (is_kept, is_kept)
