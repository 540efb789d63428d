"""Dead letters: found, replayed, deleted, counted."""

from __future__ import annotations

import asyncio

import pytest

from soniq import Soniq
from soniq.backends.contract import Backend
from soniq.errors import DatabaseUnreachable
from soniq.job import JobStatus
from soniq.outcome import Bury, Reason
from tests.support import FrozenClock
from tests.support.jobs import job_of, run_all
from tests.support.store import NOBODY, OOPS, buried, claim, letter, look, new_job, settle


async def test_latest_end_first(backend: Backend, clock: FrozenClock) -> None:
    """The newest end comes first; of one moment, the highest id."""
    first = await buried(backend, new_job(clock))
    clock.advance(seconds=1)
    low_id, high_id = clock.new_id(), clock.new_id()
    high = await buried(backend, new_job(clock, id=high_id))
    low = await buried(backend, new_job(clock, id=low_id))
    found = await backend.dead_letters.find()
    assert [record.id for record in found] == [high.id, low.id, first.id]


async def test_filters(backend: Backend, clock: FrozenClock) -> None:
    """Queue, name and reason each narrow the answer, alone and together."""
    a = await buried(backend, new_job(clock, "x", queue="q"), Reason.TIMEOUT)
    b = await buried(backend, new_job(clock, "y", queue="q"), Reason.PERMANENT_FAILURE)
    c = await buried(backend, new_job(clock, "x", queue="r"), Reason.TIMEOUT)
    letters = backend.dead_letters

    assert {found.id for found in await letters.find()} == {a.id, b.id, c.id}
    assert {found.id for found in await letters.find(queue="q")} == {a.id, b.id}
    assert {found.id for found in await letters.find(name="x")} == {a.id, c.id}
    assert {found.id for found in await letters.find(reason="timeout")} == {a.id, c.id}
    assert [found.id for found in await letters.find(queue="q", name="x")] == [a.id]
    assert await letters.find(queue="r", name="y") == []
    assert await letters.find(reason="nonsense") == []


async def test_pages(backend: Backend, clock: FrozenClock) -> None:
    """``limit`` and ``offset`` cut pages out of the whole."""
    for _ in range(5):
        await buried(backend, new_job(clock))
        clock.advance(seconds=1)
    everything = [record.id for record in await backend.dead_letters.find()]
    pages = [await backend.dead_letters.find(limit=2, offset=n) for n in (0, 2, 4, 6)]
    assert [[record.id for record in page] for page in pages] == [
        everything[:2],
        everything[2:4],
        everything[4:],
        [],
    ]


async def test_replayed_or_not(backend: Backend, clock: FrozenClock) -> None:
    """``replayed`` tells those that were given another chance from those that were not."""
    once, never = await buried(backend, new_job(clock)), await buried(backend, new_job(clock))
    await backend.dead_letters.replay(once.id, new_id=clock.new_id())
    letters = backend.dead_letters
    assert [found.id for found in await letters.find(replayed=True)] == [once.id]
    assert [found.id for found in await letters.find(replayed=False)] == [never.id]
    assert len(await letters.find(replayed=None)) == 2


@pytest.mark.parametrize("job_id", [NOBODY, "", "no uuid", "'; --", "9" * 400, "\x00"])
async def test_no_such_record(backend: Backend, clock: FrozenClock, job_id: str) -> None:
    """An id that no record has, or could have, is answered and not raised."""
    await buried(backend, new_job(clock))
    assert await backend.dead_letters.get(job_id) is None
    assert not await backend.dead_letters.replay(job_id, new_id=clock.new_id())
    assert not await backend.dead_letters.delete(job_id)
    assert len(await backend.dead_letters.find()) == 1
    assert await backend.jobs.find() == []


async def test_replay(backend: Backend, clock: FrozenClock) -> None:
    """A replay is a new job: same work, fresh id and budget, due now; the record stays."""
    new = new_job(clock, "shop.pay", queue="money", priority=7, args='{"n":1e308}', max_attempts=2)
    record = await buried(backend, new)
    clock.advance(hours=1)
    fresh = clock.new_id()
    assert await backend.dead_letters.replay(record.id, new_id=fresh)
    job = await look(backend, fresh)
    assert (job.job_name, job.queue, job.priority, job.args) == (
        "shop.pay", "money", 7, {"n": 1e308}
    )  # fmt: skip
    assert (job.status, job.attempts, job.max_attempts, job.crashes) == (JobStatus.QUEUED, 0, 2, 0)
    assert (job.scheduled_at, job.created_at) == (clock.now(), clock.now())
    assert (job.started_at, job.worker_id, job.last_error) == (None, None, None)
    kept = await letter(backend, record.id)
    changed = {"resurrection_count": 1, "resurrected_at": clock.now()}
    assert dict(kept) == dict(record) | changed
    [claimed] = await claim(backend)
    assert (claimed.args, claimed.attempt, claimed.fence) == ('{"n":1e308}', 1, 1)


async def test_replay_counts(backend: Backend, clock: FrozenClock) -> None:
    """Each replay makes one more job and is counted."""
    record = await buried(backend, new_job(clock))
    for count in (1, 2, 3):
        clock.advance(seconds=1)
        assert await backend.dead_letters.replay(record.id, new_id=clock.new_id())
        kept = await letter(backend, record.id)
        assert (kept.resurrection_count, kept.resurrected_at) == (count, clock.now())
    assert len(await backend.jobs.find()) == 3


async def test_replay_once(backend: Backend, clock: FrozenClock) -> None:
    """``once``: of any number who replay a record at the same moment, one does."""
    record = await buried(backend, new_job(clock))
    done = await asyncio.gather(
        *(
            backend.dead_letters.replay(record.id, new_id=clock.new_id(), once=True)
            for _ in range(8)
        )
    )
    assert sorted(done) == [False] * 7 + [True]
    assert len(await backend.jobs.find()) == 1
    assert (await letter(backend, record.id)).resurrection_count == 1
    assert await backend.dead_letters.replay(record.id, new_id=clock.new_id())
    assert not await backend.dead_letters.replay(NOBODY, new_id=clock.new_id(), once=True)


async def test_a_replayed_job_can_die_again(backend: Backend, clock: FrozenClock) -> None:
    """It then has a record of its own, beside the first."""
    record = await buried(backend, new_job(clock))
    fresh = clock.new_id()
    await backend.dead_letters.replay(record.id, new_id=fresh)
    [job] = await claim(backend)
    assert await settle(backend, job, Bury(Reason.TIMEOUT, OOPS))
    assert (await letter(backend, fresh)).resurrection_count == 0
    assert (await letter(backend, record.id)).resurrection_count == 1


async def test_delete(backend: Backend, clock: FrozenClock) -> None:
    """Exactly the named record is deleted, once."""
    gone, kept = await buried(backend, new_job(clock)), await buried(backend, new_job(clock))
    assert await backend.dead_letters.delete(gone.id)
    assert not await backend.dead_letters.delete(gone.id)
    assert [record.id for record in await backend.dead_letters.find()] == [kept.id]


async def test_purge_by_age(backend: Backend, clock: FrozenClock) -> None:
    """Records that ended longer ago than that are deleted and counted, younger ones stay."""
    await buried(backend, new_job(clock))
    await buried(backend, new_job(clock))
    clock.advance(seconds=100)
    young = await buried(backend, new_job(clock))
    clock.advance(seconds=10)
    assert await backend.dead_letters.purge(older_than=111) == 0
    assert await backend.dead_letters.purge(older_than=109) == 2
    assert [record.id for record in await backend.dead_letters.find()] == [young.id]
    assert await backend.dead_letters.purge() == 1


async def test_purge_by_queue_and_name(backend: Backend, clock: FrozenClock) -> None:
    """A purge can be narrowed to a queue, a name, or both."""
    await buried(backend, new_job(clock, "x", queue="q"))
    await buried(backend, new_job(clock, "y", queue="q"))
    kept = await buried(backend, new_job(clock, "x", queue="r"))
    clock.advance(seconds=1)
    assert await backend.dead_letters.purge(queue="r", name="y") == 0
    assert await backend.dead_letters.purge(queue="q", name="x") == 1
    assert await backend.dead_letters.purge(queue="q") == 1
    assert [record.id for record in await backend.dead_letters.find()] == [kept.id]
    assert await backend.dead_letters.purge(name="x") == 1


async def test_count(backend: Backend, clock: FrozenClock) -> None:
    """The counts are per queue, name and reason, sorted."""
    assert await backend.dead_letters.count() == []
    for name, queue, reason in [
        ("y", "b", Reason.TIMEOUT),
        ("x", "b", Reason.TIMEOUT),
        ("x", "b", Reason.TIMEOUT),
        ("x", "b", Reason.INVALID_ARGUMENTS),
        ("z", "a", Reason.PERMANENT_FAILURE),
    ]:
        await buried(backend, new_job(clock, name, queue=queue), reason)
    assert await backend.dead_letters.count() == [
        ("a", "z", "permanent_failure", 1),
        ("b", "x", "invalid_arguments", 1),
        ("b", "x", "timeout", 2),
        ("b", "y", "timeout", 1),
    ]


async def test_replay_does_not_fail_for_a_wakeup(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the job is queued, replay returns its id, also where nobody can be woken."""

    @app.job(retries=0)
    async def fragile() -> None:
        raise ValueError

    job_id = await app.enqueue(fragile)
    await run_all(app)

    async def unreachable(_: str) -> None:
        raise DatabaseUnreachable("away for one call")

    with monkeypatch.context() as patch:
        patch.setattr(app.backend.jobs, "get", unreachable)
        new_id = await app.dead_letter.replay(job_id)
    assert (await job_of(app, new_id)).status is JobStatus.QUEUED
