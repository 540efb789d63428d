"""Schedules in PostgreSQL: whose clock counts, and what happens around locked and refused rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

import asyncpg
import pytest

from soniq import Soniq
from soniq.clock import SystemClock
from soniq.scheduler.loop import SchedulerLoop
from tests.support.jobs import until

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NAMES = ("a", "b", "c")
MakeHost = Callable[..., Soniq]

# The database refuses the jobs of one task, as a trigger of the user's may.
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON soniq_jobs
    FOR EACH ROW WHEN (new.job_name = 'b') EXECUTE FUNCTION refuse();
"""
ALLOW = "DROP TRIGGER refuse ON soniq_jobs; DROP FUNCTION refuse()"
OVERDUE = "UPDATE soniq_schedules SET next_at = next_at - interval '1 hour'"


class SkewedClock(SystemClock):
    """The clock of a host that was set wrong."""

    def __init__(self, offset: timedelta) -> None:
        super().__init__()
        self._offset = offset

    def now(self) -> datetime:
        """Return a moment that is off."""
        return super().now() + self._offset


@pytest.fixture
async def make_host(postgres_url: str) -> AsyncIterator[MakeHost]:
    """Make apps that know the tasks ``a``, ``b`` and ``c``, on hosts whose clocks are off."""
    async with AsyncExitStack() as stack:

        def make(offset: timedelta = timedelta()) -> Soniq:
            app = Soniq(database_url=postgres_url, clock=SkewedClock(offset))
            stack.push_async_callback(app.close)
            for name in NAMES:
                app.job(name=name)(nothing)
            return app

        yield make


async def nothing() -> None:
    """Do nothing."""


def scheduler_of(app: Soniq) -> SchedulerLoop:
    """Return a scheduler on the app's database."""
    return SchedulerLoop(app.backend, app.scheduler, events=app.events, clock=app.clock)


async def add_overdue(app: Soniq, onlooker: asyncpg.Connection[asyncpg.Record]) -> None:
    """Add a schedule for each task whose first tick is due now."""
    for name in NAMES:
        await app.scheduler.add(name, every=HOUR)
    await onlooker.execute(OVERDUE)


async def names_of_jobs(app: Soniq) -> list[str]:
    """Return the tasks of all jobs, sorted."""
    return sorted(job.job_name for job in await app.list_jobs())


async def test_hosts_with_wrong_clocks_fire_at_the_right_time(make_host: MakeHost) -> None:
    """One host is hours ahead, one hours behind: the clock of the database decides."""
    ahead, behind, right = make_host(5 * HOUR), make_host(-7 * HOUR), make_host()
    now = right.clock.now()
    schedule = await ahead.scheduler.add("a", every=1)
    assert abs(schedule.anchor_at - now) < MINUTE

    async def fired_thrice() -> bool:
        return len(await right.scheduler.history("a")) >= 3

    stop = asyncio.Event()
    schedulers = [asyncio.create_task(app.run_scheduler(stop=stop)) for app in (ahead, behind)]
    await until(fired_thrice, patience=10)
    stop.set()
    await asyncio.gather(*schedulers)
    [tick] = await behind.scheduler.preview("a", 1)
    assert abs(tick.at - now) < MINUTE
    for job in await right.list_jobs():
        assert job.scheduled_at <= job.created_at < job.scheduled_at + MINUTE
    await behind.scheduler.pause("a")
    await ahead.scheduler.resume("a")
    resumed = await right.scheduler.get("a")
    assert resumed is not None
    assert (resumed.missed_count, abs(resumed.next_at - now) < MINUTE) == (0, True)


async def test_a_row_that_somebody_holds_does_not_hold_up_the_others(
    make_host: MakeHost, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """It is passed over, and fires as soon as it is free."""
    app = make_host()
    await add_overdue(app, onlooker)
    loop = scheduler_of(app)
    async with onlooker.transaction():
        await onlooker.execute("SELECT FROM soniq_schedules WHERE name = 'b' FOR UPDATE")
        async with asyncio.timeout(5):
            await loop.one_pass()
            await loop.one_pass()
        assert await names_of_jobs(app) == ["a", "c"]
    await loop.catch_up()
    assert await names_of_jobs(app) == ["a", "b", "c"]


async def test_what_the_database_refuses_does_not_stop_the_others(
    make_host: MakeHost,
    onlooker: asyncpg.Connection[asyncpg.Record],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The refused one is told, left alone for a while, and has not lost its tick."""
    app = make_host()
    await add_overdue(app, onlooker)
    await onlooker.execute(REFUSE)
    loop = scheduler_of(app)
    for _ in range(3):
        await loop.catch_up()
    assert await names_of_jobs(app) == ["a", "c"]
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["Schedule b can't be fired; next try in 20 s"]
    await onlooker.execute(ALLOW)
    await scheduler_of(app).catch_up()
    assert await names_of_jobs(app) == ["a", "b", "c"]


async def test_twenty_schedulers_at_once_fire_each_tick_once(
    make_host: MakeHost, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """The same plans from all sides at the same moment: as many jobs as ticks."""
    apps = [make_host() for _ in range(4)]
    await apps[0].scheduler.add("a", every=1, missed="all")
    await onlooker.execute(OVERDUE)
    loops = [scheduler_of(app) for app in apps for _ in range(5)]
    agenda = await apps[0].backend.schedules.agenda((), limit=10)
    for app in apps[1:]:
        await app.ensure_initialized()
    rounds = [await asyncio.gather(*(loop.fire(loop.plans(agenda)) for loop in loops))]
    while agenda.due:
        agenda = await apps[0].backend.schedules.agenda((), limit=10)
        rounds.append(await asyncio.gather(*(loop.fire(loop.plans(agenda)) for loop in loops)))
    ticks = [one.tick for fired in rounds for some in fired for one in some]
    assert len(ticks) == len(set(ticks)) >= 3600
    jobs = await onlooker.fetch("SELECT scheduled_at FROM soniq_jobs ORDER BY scheduled_at")
    assert [job["scheduled_at"] for job in jobs] == sorted(ticks)
