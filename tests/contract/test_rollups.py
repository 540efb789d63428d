"""What becomes of attempts, counted by the minute in the transaction that ends them."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Any

import pytest

from soniq import histogram, settings
from soniq.backends import connect
from soniq.backends.contract import Backend
from soniq.errors import UnsupportedByBackend
from soniq.history import Rollup, minute_of
from soniq.job import ClaimedJob
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Crash,
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
    OTHER,
    WORKER,
    claim,
    claimed_job,
    insert,
    new_job,
    settle,
)

AGES = timedelta(days=400)
OUTCOMES: dict[str, Outcome] = {
    "complete": Complete("1"),
    "retry": Retry(600, OOPS),
    "bury": Bury(Reason.PERMANENT_FAILURE, OOPS),
    "crash": Crash(OOPS),
    "cancel": Cancel(),
    "snooze": Snooze(600),
}


async def all_rollups(
    backend: Backend, clock: FrozenClock, *, queue: str | None = None, job_name: str | None = None
) -> list[Rollup]:
    """Return all that there are."""
    now = clock.now()
    return await backend.stats.rollups(
        since=now - AGES, until=now + AGES, queue=queue, job_name=job_name
    )


async def counts(backend: Backend, clock: FrozenClock) -> dict[str, int]:
    """Return how many attempts have ended how."""
    found: dict[str, int] = {}
    for one in await all_rollups(backend, clock):
        found[one.outcome] = found.get(one.outcome, 0) + one.count
    return found


def buckets(*seconds: float) -> tuple[int, ...]:
    """Return the histogram of these durations."""
    found = histogram.empty()
    for duration in seconds:
        found[histogram.bucket_of(duration)] += 1
    return tuple(found)


async def claim_after_a_wait(
    backend: Backend, clock: FrozenClock, number: int, *, wait: float
) -> list[ClaimedJob]:
    """Insert jobs, let them wait, and claim them."""
    await insert(backend, *(new_job(clock) for _ in range(number)))
    clock.advance(seconds=wait)
    return await claim(backend)


@pytest.mark.parametrize("name", OUTCOMES)
async def test_every_end_is_counted(backend: Backend, clock: FrozenClock, name: str) -> None:
    """With how long the job was due before it was claimed, and how long it then ran."""
    jobs = await claim_after_a_wait(backend, clock, 3, wait=2.5)
    clock.advance(seconds=0.25)
    batch = [Settlement(job, OUTCOMES[name]) for job in jobs]
    assert len(await backend.jobs.settle(batch, worker=WORKER)) == 3
    assert await all_rollups(backend, clock) == [
        Rollup(
            minute=minute_of(clock.now()),
            queue="default",
            job_name="mail.send",
            outcome=name,
            count=3,
            wait_seconds=7.5,
            run_seconds=0.75,
            waits=buckets(2.5, 2.5, 2.5),
            runs=buckets(0.25, 0.25, 0.25),
        )
    ]


async def test_rolling_up_changes_no_figure(backend: Backend, clock: FrozenClock) -> None:
    """What is added up later is told at once; in whatever portions, nothing is added twice."""
    ended: Counter[str] = Counter()
    for wait in (0.0, 2.5, 4000.0):
        jobs = await claim_after_a_wait(backend, clock, len(OUTCOMES), wait=wait)
        clock.advance(seconds=wait / 3)
        names = list(islice(cycle(OUTCOMES), len(jobs)))
        batch = [Settlement(job, OUTCOMES[name]) for job, name in zip(jobs, names, strict=True)]
        await backend.jobs.settle(batch, worker=WORKER)
        ended.update(names)
        told = await all_rollups(backend, clock)
        await backend.stats.roll_up(limit=4)
        assert await all_rollups(backend, clock) == told
    while await backend.stats.roll_up(limit=4):
        assert await all_rollups(backend, clock) == told
    assert await counts(backend, clock) == ended


@pytest.mark.parametrize("result", [None, "1"])
@pytest.mark.parametrize("number", [1, 30])
async def test_completions_of_several_tasks(
    backend: Backend, clock: FrozenClock, number: int, result: str | None
) -> None:
    """Few or many at once, with a result or without."""
    many = [new_job(clock) for _ in range(number)]
    await insert(backend, *many, new_job(clock, "mail.read"), new_job(clock, queue="bulk"))
    batch = [Settlement(job, Complete(result)) for job in await claim(backend)]
    await backend.jobs.settle(batch, worker=WORKER)
    assert [(one.queue, one.job_name, one.count) for one in await all_rollups(backend, clock)] == [
        ("bulk", "mail.send", 1),
        ("default", "mail.read", 1),
        ("default", "mail.send", number),
    ]


async def test_outcomes_of_one_call(backend: Backend, clock: FrozenClock) -> None:
    """Each is counted as what it is; a release is no end."""
    await insert(backend, *(new_job(clock) for _ in range(7)))
    outcomes = [*OUTCOMES.values(), Release()]
    batch = [Settlement(*pair) for pair in zip(await claim(backend), outcomes, strict=True)]
    await backend.jobs.settle(batch, worker=WORKER)
    assert await counts(backend, clock) == dict.fromkeys(OUTCOMES, 1)


async def test_minutes_and_workers(backend: Backend, clock: FrozenClock) -> None:
    """Each minute has its own figures, in which workers and calls are added up."""
    clock.advance(seconds=60 - clock.now().second)
    first = minute_of(clock.now())
    for worker, step in ((WORKER, 0.0), (WORKER, 59.0), (OTHER, 0.5), (OTHER, 1.0)):
        clock.advance(seconds=step)
        job = await claimed_job(backend, new_job(clock), worker=worker)
        assert await settle(backend, job, Complete(), worker=worker)
    found = [(one.minute, one.count) for one in await all_rollups(backend, clock)]
    assert found == [(first, 3), (first + timedelta(minutes=1), 1)]


async def test_a_completion_is_counted_once(backend: Backend, clock: FrozenClock) -> None:
    """However often it is said, with a result or without, alone or among others."""
    jobs = await claim_after_a_wait(backend, clock, 20, wait=1)
    batch = [Settlement(job, Complete()) for job in jobs]
    assert len(await backend.jobs.settle(batch[:12], worker=WORKER)) == 12
    for outcome in (Complete(), Complete("1")):
        again = [Settlement(job, outcome) for job in jobs]
        assert len(await backend.jobs.settle(again, worker=WORKER)) == 20
    assert await counts(backend, clock) == {"complete": 20}


async def test_what_is_refused_is_not_counted(backend: Backend, clock: FrozenClock) -> None:
    """Outcomes of claims that are no longer in force leave nothing."""
    jobs = await claim_after_a_wait(backend, clock, 12, wait=1)
    await backend.jobs.settle([Settlement(job) for job in jobs], worker=WORKER)
    await claim(backend)
    for outcome in (Complete(), *OUTCOMES.values()):
        stale = [Settlement(job, outcome) for job in jobs]
        assert await backend.jobs.settle(stale, worker=WORKER) == set()
        foreign = [Settlement(job, outcome) for job in jobs]
        assert await backend.jobs.settle(foreign, worker=OTHER) == set()
    assert await all_rollups(backend, clock) == []
    assert await backend.jobs.attempts(jobs[0].id) == []


@pytest.mark.parametrize("outcome", [Retry(1, OOPS), Snooze(1), Crash(OOPS), Release(), Cancel()])
async def test_what_was_to_be_cancelled(
    backend: Backend, clock: FrozenClock, outcome: Outcome
) -> None:
    """A job that would be queued again, had nobody asked for its end, counts as cancelled."""
    job = await claimed_job(backend, new_job(clock))
    assert await backend.jobs.cancel(job.id)
    assert await settle(backend, job, outcome)
    assert await counts(backend, clock) == {"cancel": 1}
    assert [one.outcome for one in await backend.jobs.attempts(job.id)] == ["cancel"]


async def test_cancelled_while_it_waited(backend: Backend, clock: FrozenClock) -> None:
    """No attempt has ended where none had begun."""
    job = new_job(clock)
    await insert(backend, job)
    assert await backend.jobs.cancel(job.id)
    assert await all_rollups(backend, clock) == []


async def test_rescue(backend: Backend, clock: FrozenClock) -> None:
    """A crash of the worker counts as one, and in the end as a burial; once, whoever rescues."""
    job = new_job(clock)
    await insert(backend, job)
    for crashes, expected in enumerate(({"crash": 1}, {"crash": 2}, {"crash": 2, "bury": 1})):
        [claimed] = await claim(backend)
        assert claimed.crashes == crashes
        await backend.jobs.isolate(claimed, worker=WORKER)
        clock.advance(seconds=2)
        await backend.jobs.rescue(max_crashes=3)
        await backend.jobs.rescue(max_crashes=3)
        assert await counts(backend, clock) == expected
    assert sum(one.run_seconds for one in await all_rollups(backend, clock)) == 6


async def test_rescue_of_what_was_to_be_cancelled(backend: Backend, clock: FrozenClock) -> None:
    """It counts as cancelled."""
    job = await claimed_job(backend, new_job(clock))
    await backend.jobs.cancel(job.id)
    await backend.jobs.rescue(max_crashes=3)
    assert await counts(backend, clock) == {"cancel": 1}


async def test_burials_of_what_nobody_knows(backend: Backend, clock: FrozenClock) -> None:
    """They are counted, but neither waited nor ran: there was no attempt."""
    await insert(backend, new_job(clock, "no.body"), new_job(clock, "no.body"))
    clock.advance(seconds=60)
    assert await backend.jobs.bury_unknown(["no.body"], grace=10) == 2
    [one] = await all_rollups(backend, clock)
    assert (one.job_name, one.outcome, one.count) == ("no.body", "bury", 2)
    assert (one.wait_seconds, one.run_seconds) == (0, 0)
    assert one.waits == one.runs == buckets()


async def test_completed_in_the_handlers_transaction(backend: Backend, clock: FrozenClock) -> None:
    """It is counted by that transaction, and not again by what adds the result."""
    job = await claimed_job(backend, new_job(clock))
    clock.advance(seconds=3)
    try:
        async with backend.jobs.transaction(job, worker=WORKER):
            pass
    except UnsupportedByBackend:
        assert backend.name == "memory"
        return
    [one] = found = await all_rollups(backend, clock)
    assert (one.outcome, one.count, one.run_seconds) == ("complete", 1, 3)
    assert await settle(backend, job, Complete('"sent"'))
    assert await all_rollups(backend, clock) == found


async def test_rolled_back_with_the_handlers_transaction(
    backend: Backend, clock: FrozenClock
) -> None:
    """What has not been completed is not counted."""
    job = await claimed_job(backend, new_job(clock))
    with pytest.raises((UnsupportedByBackend, ZeroDivisionError)):
        async with backend.jobs.transaction(job, worker=WORKER):
            raise ZeroDivisionError
    assert await all_rollups(backend, clock) == []


async def test_choosing(backend: Backend, clock: FrozenClock) -> None:
    """By queue, by name, and by the time: from the minute of the one to before the other."""
    clock.advance(seconds=60 - clock.now().second)
    start = clock.now()
    for queue, name in (("a", "one"), ("b", "one"), ("b", "two")):
        job = await claimed_job(backend, new_job(clock, name, queue=queue))
        await settle(backend, job, Complete())
        clock.advance(seconds=60)
    by_queue = await all_rollups(backend, clock, queue="b")
    assert [one.job_name for one in by_queue] == ["one", "two"]
    by_name = await all_rollups(backend, clock, job_name="one")
    assert [one.queue for one in by_name] == ["a", "b"]
    assert [one.job_name for one in await all_rollups(backend, clock, queue="b", job_name="two")]

    async def between(since: datetime, until: datetime) -> list[str]:
        return [one.queue for one in await backend.stats.rollups(since=since, until=until)]

    second = timedelta(seconds=1)
    assert await between(start + 59 * second, start + 60 * second) == ["a"]
    assert await between(start + 60 * second, start + 61 * second) == ["b"]
    assert await between(start, start) == []


async def test_steps_and_names(backend: Backend, clock: FrozenClock) -> None:
    """Minutes of the same step are added up, and jobs of all names where nobody asks for them."""
    clock.advance(seconds=(-clock.now().timestamp()) % 600)
    start = clock.now()
    for name in ("one", "two", "two"):  # two of them in the first ten minutes
        job = await claimed_job(backend, new_job(clock, name))
        clock.advance(seconds=2)
        await settle(backend, job, Complete())
        clock.advance(seconds=298)

    async def told(**options: Any) -> list[tuple[datetime, str, int, float, tuple[int, ...]]]:
        found = await backend.stats.rollups(since=start, until=clock.now(), **options)
        return [(one.minute, one.job_name, one.count, one.run_seconds, one.runs) for one in found]

    second = start + timedelta(minutes=10)
    assert await told(step=600.0) == [
        (start, "one", 1, 2.0, buckets(2)),
        (start, "two", 1, 2.0, buckets(2)),
        (second, "two", 1, 2.0, buckets(2)),
    ]
    assert await told(step=600.0, by_name=False) == [
        (start, "", 2, 4.0, buckets(2, 2)),
        (second, "", 1, 2.0, buckets(2)),
    ]
    assert [count for _, _, count, _, _ in await told(step=86_400.0, job_name="two")] == [2]


async def test_prune(backend: Backend, clock: FrozenClock) -> None:
    """A minute goes when its end is old enough."""
    clock.advance(seconds=60 - clock.now().second)
    job = await claimed_job(backend, new_job(clock))
    await settle(backend, job, Complete())
    clock.advance(seconds=60 + 100)
    assert await backend.stats.prune(older_than=100) == 0
    clock.advance(seconds=1)
    assert await backend.stats.prune(older_than=100) == 1
    assert await all_rollups(backend, clock) == []
    assert await backend.stats.prune(older_than=0) == 0


async def test_switched_off(
    backend_kind: str, database_url: str | None, clock: FrozenClock
) -> None:
    """Without rollups all else goes as ever, and what went wrong is kept."""
    given = {"database_url": database_url, "backend": backend_kind, "rollups": False}
    backend = connect(settings.load(**given), clock)
    await backend.open()
    try:
        await insert(backend, *(new_job(clock) for _ in range(30)))
        jobs = await claim(backend)
        outcomes = [*OUTCOMES.values(), Release(), *[Complete()] * 23]
        batch = [Settlement(*pair) for pair in zip(jobs, outcomes, strict=True)]
        assert len(await backend.jobs.settle(batch, worker=WORKER)) == 30
        assert await all_rollups(backend, clock) == []
        assert len(await backend.jobs.attempts(jobs[1].id)) == 1
    finally:
        await backend.close()
