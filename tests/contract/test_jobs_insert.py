"""Inserting: what is written, what it is due at, and what happens when it can't be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from soniq.backends.contract import Backend
from soniq.errors import TransactionUnsupported
from soniq.job import JobStatus
from soniq.outcome import Complete
from tests.support import FrozenClock
from tests.support.store import claim, claimed_job, insert, look, new_job, settle


async def test_a_job_reads_back_as_it_was_written(backend: Backend, clock: FrozenClock) -> None:
    """Every field of a new job is what was asked for, and the rest is empty."""
    new = new_job(
        clock, "shop.pay", queue="money", priority=7, args='{"order": 1}', max_attempts=3, key="k",
        headers='{"tenant": "a"}',
    )  # fmt: skip
    assert await insert(backend, new) == [new.id]
    assert dict(await look(backend, new.id)) == {
        "id": new.id,
        "job_name": "shop.pay",
        "queue": "money",
        "priority": 7,
        "status": JobStatus.QUEUED,
        "args": {"order": 1},
        "attempts": 0,
        "max_attempts": 3,
        "scheduled_at": clock.now(),
        "created_at": clock.now(),
        "started_at": None,
        "finished_at": None,
        "worker_id": None,
        "result": None,
        "result_error": None,
        "last_error": None,
        "last_traceback": None,
        "unique_key": "k",
        "crashes": 0,
        "headers": {"tenant": "a"},
    }


async def test_ids_come_back_in_input_order(backend: Backend, clock: FrozenClock) -> None:
    """The answer names the jobs in the order given, whatever their ids and priorities are."""
    jobs = [new_job(clock, priority=100 - n, key=f"key {9 - n}") for n in range(10)]
    jobs.reverse()
    assert await insert(backend, *jobs) == [job.id for job in jobs]
    assert len(await backend.jobs.find()) == 10


async def test_nothing_in_nothing_out(backend: Backend) -> None:
    """No jobs, no ids, no error."""
    assert await insert(backend) == []


async def test_a_thousand_in_one_call(backend: Backend, clock: FrozenClock) -> None:
    """A large batch is written whole."""
    jobs = [new_job(clock, args=f'{{"n": {n}}}') for n in range(1000)]
    assert await insert(backend, *jobs) == [job.id for job in jobs]
    found = await backend.jobs.find(limit=2000)
    assert [job.args["n"] for job in reversed(found)] == list(range(1000))


async def test_a_moment_in_the_future_is_kept(backend: Backend, clock: FrozenClock) -> None:
    """A job is due at the very microsecond asked for."""
    moment = clock.now() + timedelta(days=400, microseconds=123_457)
    new = new_job(clock, scheduled_at=moment)
    await insert(backend, new)
    job = await look(backend, new.id)
    assert job.scheduled_at == moment
    assert job.created_at == clock.now()
    assert job.scheduled_at.utcoffset() == timedelta(0)


async def test_a_moment_in_the_past_means_now(backend: Backend, clock: FrozenClock) -> None:
    """A job can't jump the queue by being due long ago."""
    new = new_job(clock, scheduled_at=clock.now() - timedelta(days=1))
    await insert(backend, new)
    assert (await look(backend, new.id)).scheduled_at == clock.now()


async def test_a_delay_counts_from_the_clock_of_the_database(
    backend: Backend, clock: FrozenClock
) -> None:
    """``delay`` is added to the present moment, fractions too."""
    new = new_job(clock, delay=90.25)
    await insert(backend, new)
    assert (await look(backend, new.id)).scheduled_at == clock.now() + timedelta(seconds=90.25)


async def test_the_same_ids_again_are_harmless(backend: Backend, clock: FrozenClock) -> None:
    """A repeated insert gives the same answer and writes nothing twice."""
    jobs = [new_job(clock), new_job(clock, key="k")]
    first = await insert(backend, *jobs)
    clock.advance(seconds=5)
    assert await insert(backend, *jobs) == first
    assert len(await backend.jobs.find()) == 2
    assert (await look(backend, jobs[0].id)).created_at < clock.now()


async def test_the_same_id_again_leaves_a_job_that_has_moved_on(
    backend: Backend, clock: FrozenClock
) -> None:
    """A late repetition never brings a finished job back to life."""
    new = new_job(clock, key="k")
    claimed = await claimed_job(backend, new)
    assert await insert(backend, new) == [new.id]
    assert (await look(backend, new.id)).status is JobStatus.PROCESSING
    await settle(backend, claimed, Complete("1"))
    before = dict(await look(backend, new.id))
    assert await insert(backend, new) == [new.id]
    assert dict(await look(backend, new.id)) == before


async def test_old_and_new_ids_in_one_batch(backend: Backend, clock: FrozenClock) -> None:
    """What is there already does not keep the rest from being written."""
    old, new = new_job(clock), new_job(clock)
    await insert(backend, old)
    assert await insert(backend, new, old) == [new.id, old.id]
    assert len(await backend.jobs.find()) == 2


async def test_the_same_id_twice_in_one_batch(backend: Backend, clock: FrozenClock) -> None:
    """One id is one row, also within a batch."""
    new = new_job(clock)
    assert await insert(backend, new, new) == [new.id, new.id]
    assert len(await backend.jobs.find()) == 1


async def test_all_or_none(backend: Backend, clock: FrozenClock) -> None:
    """A row that can't be written raises, and then nothing is written."""
    good, bad = new_job(clock), new_job(clock, args='{"never closed": ')
    with pytest.raises(Exception, match=r"(?i)json|constraint|expecting|malformed"):
        await insert(backend, good, bad, new_job(clock))
    assert await backend.jobs.find() == []
    assert await insert(backend, good) == [good.id]


EXACT = {
    "emoji": '{"text":"Grüße \U0001f980 \u4f60\u597d \u202e"}',
    "numbers": '{"a":1e308,"b":9007199254740993,"c":-0.0,"d":1234567890123456789012345,"e":0.1}',
    "escapes": '{"quote":"\\"","slash":"\\\\","line":"\\n\\t\\u001f"}',
    "sql": '{"x":"\'); DROP TABLE soniq_jobs; --","y":"%s $1 ? :name"}',
    "nested": '{"x":' + "[" * 90 + "]" * 90 + "}",
    "empty": '{"":{"a":[],"b":{},"c":null,"d":false}}',
    "long": '{"x":"' + "ü" * 300_000 + '"}',
}


@pytest.mark.parametrize("text", EXACT.values(), ids=EXACT)
async def test_arguments_travel_as_exact_text(
    backend: Backend, clock: FrozenClock, text: str
) -> None:
    """A claim hands out the very text that was inserted: no number, key order or sign changes."""
    claimed = await claimed_job(backend, new_job(clock, args=text))
    assert claimed.args == text


async def test_long_and_foreign_names(backend: Backend, clock: FrozenClock) -> None:
    """Names and queues of 255 characters of any script work everywhere."""
    name, queue = "任务" * 127 + "x", "\U0001f980'\"\\,{}%" + "q" * 247
    new = new_job(clock, name, queue=queue, key="🔑" * 100)
    await insert(backend, new)
    [found] = await backend.jobs.find(queue=queue, name=name)
    assert (found.job_name, found.queue, found.unique_key) == (name, queue, "🔑" * 100)
    [claimed] = await claim(backend, queues=(queue,))
    assert (claimed.job_name, claimed.queue) == (name, queue)


PROPER_NAMES = {"memory": "memory", "sqlite": "sqlite", "postgres": "postgresql"}


async def test_a_connection_that_is_of_no_use_is_refused(
    backend: Backend, backend_kind: str, clock: FrozenClock
) -> None:
    """What can't carry the job raises an error that is a ValueError and names the backend."""
    with pytest.raises(TransactionUnsupported) as caught:
        await backend.jobs.insert([new_job(clock)], connection=object())
    assert isinstance(caught.value, ValueError)
    assert PROPER_NAMES[backend_kind] in str(caught.value).lower()
    assert "PostgreSQL" in str(caught.value)
    assert await backend.jobs.find() == []
