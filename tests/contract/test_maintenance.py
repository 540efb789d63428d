"""What a worker does beside its jobs: rescue with patience, prune, bury what nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from soniq import JobStatus, Soniq
from soniq.backends.contract import Rescued
from soniq.backends.worker_contract import WorkerIdentity
from soniq.errors import DatabaseUnreachable
from soniq.worker.maintenance import (
    LONGEST_ROLL_UP_REST,
    LONGEST_ROLL_UP_SECONDS,
    ROLL_UP_BATCH,
    ROLL_UP_SECONDS,
    Maintenance,
)
from tests.support.clock import FrozenClock
from tests.support.jobs import dead_letter_of, job_of, run_all
from tests.support.store import new_job

MakeApp = Callable[..., Soniq]


def maintenance_of(
    app: Soniq,
    strangers: dict[str, float] | None = None,
    *,
    others: int = 1,
    ended: Callable[[], int] = int,
) -> Maintenance:
    """Return the maintenance of a worker of the app, to be driven pass by pass."""
    return Maintenance(
        app.backend,
        app.settings,
        strangers=strangers or {},
        others=lambda: others,
        ended=ended,
        events=app.events,
        clock=app.clock,
    )


async def test_prune_deletes_what_ended_long_ago(make_app: MakeApp, clock: FrozenClock) -> None:
    """Done and cancelled jobs go after result_ttl; waiting ones and dead letters stay."""
    app = make_app(clock, result_ttl=3600)

    @app.job(name="ok.ok")
    async def ok() -> None: ...

    done = await app.enqueue(ok)
    await run_all(app)
    cancelled = await app.enqueue(ok)
    await app.cancel_job(cancelled)
    waiting = await app.enqueue(ok)
    clock.advance(seconds=3599)
    await maintenance_of(app).prune()
    assert await app.get_job(done) is not None
    clock.advance(seconds=2)
    await maintenance_of(app).prune()
    assert [job.id for job in await app.list_jobs()] == [waiting]


async def test_roll_up_is_for_workers_that_have_ended_something(
    make_app: MakeApp, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first pass, and those after an end; in portions until nothing is left."""
    app = make_app(clock)
    await app.ensure_initialized()
    ended, left, asked = 0, 0, 0

    async def some(*, limit: int) -> int:
        nonlocal left, asked
        added, asked = min(left, limit), asked + 1
        left -= added
        return added

    monkeypatch.setattr(app.backend.stats, "roll_up", some)
    maintenance = maintenance_of(app, others=0, ended=lambda: ended)
    pauses = [await maintenance.roll_up(), await maintenance.roll_up()]
    assert (asked, pauses) == (1, [ROLL_UP_SECONDS] * 2)
    ended, left = 1, 2 * ROLL_UP_BATCH + 1
    await maintenance.roll_up()
    assert (asked, left) == (4, 0)
    await maintenance.roll_up()
    assert asked == 4
    assert await maintenance_of(app, others=1).roll_up() == 2 * ROLL_UP_SECONDS
    assert await maintenance_of(app, others=99).roll_up() == LONGEST_ROLL_UP_SECONDS


async def test_a_dear_roll_up_is_followed_by_a_rest(
    make_app: MakeApp, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of fifty times what its last portion took: what a backlog took does not count."""
    app = make_app(clock)
    await app.ensure_initialized()
    portions: list[tuple[int, float]] = []

    async def some(*, limit: int) -> int:
        assert limit == ROLL_UP_BATCH
        found, seconds = portions.pop(0)
        clock.advance(seconds=seconds)
        return found

    async def rest_after(*taken: tuple[int, float]) -> float:
        portions[:] = taken
        return await maintenance_of(app, others=0).roll_up()

    monkeypatch.setattr(app.backend.stats, "roll_up", some)
    assert await rest_after((7, 0.03)) == ROLL_UP_SECONDS
    assert await rest_after((7, 0.1)) == pytest.approx(5)
    assert await rest_after((ROLL_UP_BATCH, 3), (0, 0.01)) == ROLL_UP_SECONDS
    assert await rest_after((7, 30)) == LONGEST_ROLL_UP_REST


async def test_a_roll_up_that_failed_is_made_up_for(
    make_app: MakeApp, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although nothing has ended since."""
    app = make_app(clock)
    asked = 0

    async def refuse(**_: int) -> int:
        nonlocal asked
        asked += 1
        message = "gone"
        raise DatabaseUnreachable(message)

    monkeypatch.setattr(app.backend.stats, "roll_up", refuse)
    maintenance = maintenance_of(app)
    for _ in range(2):
        with pytest.raises(DatabaseUnreachable):
            await maintenance.roll_up()
    assert asked == 2


async def test_prune_deletes_old_rollups(make_app: MakeApp, clock: FrozenClock) -> None:
    """What was counted goes after rollup_ttl."""
    app = make_app(clock, rollup_ttl=3600)

    @app.job(name="ok.ok")
    async def ok() -> None: ...

    await app.enqueue(ok)
    await run_all(app)
    began = clock.now() - timedelta(minutes=1)

    async def counted() -> int:
        found = await app.backend.stats.rollups(since=began, until=clock.now())
        return sum(one.count for one in found)

    clock.advance(seconds=3600)
    await maintenance_of(app).prune()
    assert await counted() == 1
    clock.advance(seconds=121)
    await maintenance_of(app).prune()
    assert await counted() == 0


async def test_prune_forgets_what_people_did_long_ago(
    make_app: MakeApp, clock: FrozenClock
) -> None:
    """Entries go after audit_ttl, by default after 90 days."""
    app = make_app(clock)
    await app.audit.note("cli:ana@host", "jobs.cancel", "x")
    clock.advance(days=89)
    await maintenance_of(app).prune()
    assert len(await app.audit.list()) == 1
    clock.advance(days=2)
    await maintenance_of(app).prune()
    assert await app.audit.list() == []


async def test_unknown_task_is_buried_after_its_grace(
    make_app: MakeApp, clock: FrozenClock
) -> None:
    """A task that no living worker knows is given up after unknown_task_grace, not before."""
    app = make_app(clock, unknown_task_grace=600, enqueue_validation="none")
    job_id = await app.enqueue("no.such_task", args={})
    strangers = {"no.such_task": clock.monotonic()}
    clock.advance(seconds=599)
    await maintenance_of(app, strangers).prune()
    assert (await job_of(app, job_id)).status is JobStatus.QUEUED
    clock.advance(seconds=2)
    await maintenance_of(app, strangers).prune()
    assert (await dead_letter_of(app, job_id)).reason == "job_not_found"


async def test_no_rescue_right_after_the_database_was_away(
    make_app: MakeApp, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases that ran out while nobody could renew them get a full lease of grace."""
    app = make_app(clock, heartbeat_timeout=30)

    @app.job(name="ok.ok")
    async def ok() -> None: ...

    await app.enqueue(ok)
    worker = WorkerIdentity(app.clock.new_id(), "host", 1, None, 1, ())
    await app.backend.workers.register(worker, lease=30)
    await app.backend.jobs.claim(None, limit=1, worker=worker.id)
    clock.advance(seconds=31)

    async def away(**_: Any) -> None:
        message = "away"
        raise DatabaseUnreachable(message)

    maintenance = maintenance_of(app)
    with monkeypatch.context() as patch:
        patch.setattr(app.backend.jobs, "rescue", away)
        with pytest.raises(DatabaseUnreachable):
            await maintenance.rescue()

    async def processing() -> int:
        return (await app.get_queue_stats())["default"]["processing"]

    await maintenance.rescue()
    clock.advance(seconds=29)
    await maintenance.rescue()
    assert await processing() == 1
    clock.advance(seconds=2)
    await maintenance.rescue()
    assert await processing() == 0


async def test_who_is_alone_looks_for_the_dead_seldom(
    make_app: MakeApp, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In company every pass looks for jobs of the dead; without, two a minute do."""
    app = make_app(clock)
    looks: list[int] = []

    async def look(**_: Any) -> list[Rescued]:
        looks.append(len(looks))
        return []

    monkeypatch.setattr(app.backend.jobs, "rescue", look)
    for others, expected in ((0, 3), (1, 12)):
        looks.clear()
        maintenance = maintenance_of(app, others=others)
        for _ in range(12):
            await maintenance.rescue_in_company()
            clock.advance(seconds=7)
        assert len(looks) == expected


async def test_a_rescue_rouses_who_can_run_the_job(make_app: MakeApp, clock: FrozenClock) -> None:
    """Idle workers look seldom: a job that is queued again has to be called out."""
    app = make_app(clock)
    await app.ensure_initialized()
    await app.backend.jobs.insert([new_job(clock)])
    worker = WorkerIdentity(app.clock.new_id(), "host", 1, None, 1, ())
    await app.backend.workers.register(worker, lease=30)
    await app.backend.jobs.claim(None, limit=1, worker=worker.id)
    for _ in range(2):  # the first one only begins to listen
        await app.backend.wakeups.wait(None, timeout=0.01)
    clock.advance(seconds=31)
    await maintenance_of(app).rescue()
    async with asyncio.timeout(10):
        await app.backend.wakeups.wait(None, timeout=3600)
