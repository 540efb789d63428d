"""The attempts of a job that did not end well: kept with it, and gone with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from soniq.backends.contract import Backend
from soniq.history import KEPT, PastAttempt
from soniq.outcome import Bury, Cancel, Complete, Crash, Failure, Reason, Release, Retry, Snooze
from tests.support import FrozenClock
from tests.support.store import OOPS, WORKER, buried, claim, claimed_job, insert, new_job, settle


async def test_every_bad_end_is_kept(backend: Backend, clock: FrozenClock) -> None:
    """In order, each with its number, worker, times and error; a release and a success are not."""
    await insert(backend, new_job(clock, max_attempts=9))
    expected: list[PastAttempt] = []
    for outcome, number, name, error in (
        (Retry(0, Failure("ValueError: one", "line 1")), 1, "retry", "ValueError: one"),
        (Snooze(0), 2, "snooze", None),
        (Release(), 2, None, None),
        (Crash(Failure("gone")), 2, "crash", "gone"),
        (Retry(0, Failure("ValueError: two", "line 1")), 3, "retry", "ValueError: two"),
        (Complete("1"), 4, None, None),
    ):
        [job] = await claim(backend)
        started = clock.now()
        clock.advance(seconds=2)
        assert await settle(backend, job, outcome)
        traceback = "line 1" if name == "retry" else None
        if name is not None:
            expected.append(
                PastAttempt(number, WORKER, name, started, clock.now(), error, traceback)
            )
        assert await backend.jobs.attempts(job.id) == expected


async def test_the_last_one_of_a_dead_letter(backend: Backend, clock: FrozenClock) -> None:
    """The record in the dead letters has the history of the job."""
    job = await claimed_job(backend, new_job(clock, max_attempts=2))
    await settle(backend, job, Retry(0, OOPS))
    [job] = await claim(backend)
    await settle(backend, job, Bury(Reason.MAX_RETRIES_EXCEEDED, OOPS))
    names = [one.outcome for one in await backend.jobs.attempts(job.id)]
    assert names == ["retry", "bury"]


async def test_a_lost_worker(backend: Backend, clock: FrozenClock) -> None:
    """What it was running has crashed, by its name, also at the last attempt."""
    job = await claimed_job(backend, new_job(clock, max_attempts=1))
    started = clock.now()
    clock.advance(seconds=5)
    await backend.jobs.rescue(max_crashes=3)
    [one] = await backend.jobs.attempts(job.id)
    assert (one.attempt, one.worker_id, one.outcome) == (1, WORKER, "crash")
    assert (one.started_at, one.finished_at) == (started, started + timedelta(seconds=5))
    assert one.error is not None
    assert WORKER in one.error


async def test_a_crash_at_the_last_attempt(backend: Backend, clock: FrozenClock) -> None:
    """Its number is that of the attempt, though the job gets one more."""
    job = await claimed_job(backend, new_job(clock, max_attempts=1))
    await settle(backend, job, Crash(OOPS))
    assert [one.attempt for one in await backend.jobs.attempts(job.id)] == [1]


async def test_the_latest_are_kept(backend: Backend, clock: FrozenClock) -> None:
    """A job that snoozes for ever does not grow for ever."""
    await insert(backend, new_job(clock))
    for _ in range(KEPT + 3):
        clock.advance(seconds=1)
        [job] = await claim(backend)
        await settle(backend, job, Snooze(0))
    attempts = await backend.jobs.attempts(job.id)
    assert len(attempts) == KEPT
    assert attempts[-1].finished_at == clock.now()
    assert attempts[0].finished_at == clock.now() - timedelta(seconds=KEPT - 1)


async def test_nothing_is_known(backend: Backend, clock: FrozenClock) -> None:
    """Of a job that has not failed, and of none."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Complete("1"))
    assert await backend.jobs.attempts(job.id) == []
    assert await backend.jobs.attempts("no id") == []


@pytest.mark.parametrize("end", [Cancel(), Complete("1")])
async def test_pruned_with_the_job(
    backend: Backend, clock: FrozenClock, end: Cancel | Complete
) -> None:
    """Other jobs keep theirs."""
    kept = await buried(backend, new_job(clock))
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Retry(0, OOPS))
    [job] = await claim(backend)
    await settle(backend, job, end)
    assert len(await backend.jobs.attempts(job.id)) == 1 + isinstance(end, Cancel)
    clock.advance(seconds=10)
    assert await backend.jobs.prune(older_than=5) == 1
    assert await backend.jobs.attempts(job.id) == []
    assert len(await backend.jobs.attempts(kept.id)) == 1


async def test_cancelled_at_the_first_attempt(backend: Backend, clock: FrozenClock) -> None:
    """Its one attempt is pruned, too."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Cancel())
    clock.advance(seconds=10)
    assert await backend.jobs.prune(older_than=5) == 1
    assert await backend.jobs.attempts(job.id) == []


async def test_deleted_with_the_job(backend: Backend, clock: FrozenClock) -> None:
    """Whatever its state is."""
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Retry(60, OOPS))
    assert await backend.jobs.delete(job.id)
    assert await backend.jobs.attempts(job.id) == []


@pytest.mark.parametrize("verb", ["delete", "purge"])
async def test_deleted_with_the_dead_letter(
    backend: Backend, clock: FrozenClock, verb: str
) -> None:
    """A replay keeps the record with its history, and begins one of its own."""
    record = await buried(backend, new_job(clock))
    assert await backend.dead_letters.replay(record.id, new_id=clock.new_id())
    [replayed] = await claim(backend)
    assert await backend.jobs.attempts(replayed.id) == []
    await settle(backend, replayed, Retry(0, OOPS))
    if verb == "delete":
        assert await backend.dead_letters.delete(record.id)
    else:
        assert await backend.dead_letters.purge() == 1
    assert await backend.jobs.attempts(record.id) == []
    assert len(await backend.jobs.attempts(replayed.id)) == 1


async def test_a_dead_letter_outlives_a_job_of_its_id(backend: Backend, clock: FrozenClock) -> None:
    """An id that was inserted anew after a burial: what is still there keeps the history."""
    record = await buried(backend, new_job(clock))
    job = await claimed_job(backend, new_job(clock, id=record.id))
    await settle(backend, job, Complete("1"))
    assert await backend.jobs.delete(job.id)
    assert len(await backend.jobs.attempts(record.id)) == 1
