"""Schedules: what fires when, what is missed, and what operators do; the clock stands still."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from soniq import JobContext, Soniq, TaskRef, cron, daily, every
from soniq.errors import InvalidOption, ScheduleNotFound, UnknownTask
from soniq.options import EnqueueOptions
from soniq.recurrence import Recurrence
from soniq.schedule import NewSchedule, Origin, ScheduleStatus
from soniq.scheduler.loop import SchedulerLoop
from tests.support.clock import START, FrozenClock
from tests.support.jobs import run_all

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ran(app: Soniq) -> list[str]:
    """What the task ``report`` of the app was called with, in order."""
    calls: list[str] = []

    @app.job(name="report", queue="reports", priority=7)
    async def report(region: str = "world") -> None:
        calls.append(region)

    return calls


def scheduler_of(app: Soniq) -> SchedulerLoop:
    """Return a scheduler on the app's database, as any process could run one."""
    return SchedulerLoop(app.backend, app.scheduler, events=app.events, clock=app.clock)


async def fire_due(app: Soniq) -> int:
    """Let one scheduler fire all that is due; return the number of new jobs."""
    before = len(await app.list_jobs(limit=10_000))
    await scheduler_of(app).catch_up()
    return len(await app.list_jobs(limit=10_000)) - before


async def due_times(app: Soniq) -> list[datetime]:
    """Return when the jobs were due, in order."""
    return sorted(job.scheduled_at for job in await app.list_jobs(limit=10_000))


async def test_a_schedule_makes_a_job_of_its_task_at_each_tick(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """The job has the schedule's arguments, and the task's queue and priority."""
    await app.scheduler.add("report", cron="*/5 * * * *", args={"region": "US"})
    assert await fire_due(app) == 0
    clock.advance(minutes=5)
    assert await fire_due(app) == 1
    assert await fire_due(app) == 0
    [job] = await app.list_jobs()
    assert (job.queue, job.priority, job.args) == ("reports", 7, {"region": "US"})
    assert job.scheduled_at == START + 5 * MINUTE
    await run_all(app)
    assert ran == ["US"]


async def test_options_of_the_schedule_win_over_those_of_the_task(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """Queue and priority can be given for the jobs of a schedule."""
    await app.scheduler.add("report", every=60, queue="other", priority=1)
    clock.advance(minutes=1)
    await fire_due(app)
    [job] = await app.list_jobs()
    assert (job.queue, job.priority) == ("other", 1)


async def test_the_handler_can_read_its_tick(app: Soniq, clock: FrozenClock) -> None:
    """``ctx.scheduled_at`` is the tick, however late the job was made."""
    seen: list[datetime | None] = []

    @app.periodic(every=60, name="tick")
    async def tick(ctx: JobContext) -> None:
        seen.append(ctx.scheduled_at)

    await app.scheduler.adopt()
    clock.advance(seconds=63)
    await fire_due(app)
    await run_all(app)
    assert seen == [START + MINUTE]


async def test_adding_again_updates_in_place(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """One schedule for a name; the same recurrence keeps its next tick, another one starts anew."""
    first = await app.scheduler.add("report", every=60)
    clock.advance(seconds=30)
    again = await app.scheduler.add("report", every=60, args={"region": "EU"})
    assert (again.next_at, again.anchor_at) == (first.next_at, first.anchor_at)
    assert again.args == {"region": "EU"}
    other = await app.scheduler.add("report", every=90)
    assert other.next_at == START + timedelta(seconds=30 + 90)
    assert [schedule.name for schedule in await app.scheduler.list()] == ["report"]


async def test_intervals_do_not_begin_anew_with_a_restart(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """Declared again every 20 s for an hour, a 60-s interval fires 60 times, at its own times."""
    for _ in range(180):
        await app.scheduler.add("report", every=60)
        clock.advance(seconds=20)
        await fire_due(app)
    assert await due_times(app) == [START + n * MINUTE for n in range(1, 61)]


async def test_an_overdue_interval_fires_after_a_restart(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """A daily interval and a nightly cron that are five minutes late fire once, not tomorrow."""

    @app.job(name="nightly")
    async def nightly() -> None: ...

    await app.scheduler.add("report", every=timedelta(days=1))
    await app.scheduler.add("nightly", cron="0 9 * * *")
    clock.advance(days=1, minutes=5)
    await app.scheduler.add("report", every=timedelta(days=1))
    await app.scheduler.add("nightly", cron="0 9 * * *")
    assert await fire_due(app) == 2
    assert await due_times(app) == [START + timedelta(days=1)] * 2


@pytest.mark.parametrize(("missed", "made"), [("skip", 1), ("one", 1), ("all", 60)])
async def test_missed_ticks_follow_the_policy_and_are_recorded(
    app: Soniq, clock: FrozenClock, ran: list[str], missed: Any, made: int
) -> None:
    """Nobody fired for an hour; at the sixtieth minute a scheduler comes in time for that tick."""
    await app.scheduler.add("report", cron="* * * * *", missed=missed)
    clock.advance(hours=1)
    assert await fire_due(app) == made
    schedule = await app.scheduler.get("report")
    assert schedule is not None
    assert schedule.missed_count == 60 - made
    assert schedule.next_at == START + 61 * MINUTE
    assert schedule.last_at == START + 60 * MINUTE


async def test_skip_makes_no_job_when_nobody_was_in_time(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """Ten seconds late is in time; eleven are not."""
    await app.scheduler.add("report", cron="* * * * *", missed="skip")
    clock.advance(minutes=1, seconds=10)
    assert await fire_due(app) == 1
    clock.advance(minutes=1, seconds=1)
    assert await fire_due(app) == 0
    schedule = await app.scheduler.get("report")
    assert schedule is not None
    assert (schedule.missed_count, schedule.missed_at) == (1, clock.now())


async def test_all_missed_ticks_come_in_order_however_many(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """More ticks than fit into one pass: each has one job, due at its own time."""
    await app.scheduler.add("report", every=1, missed="all")
    clock.advance(seconds=250)
    assert await fire_due(app) == 250
    assert await due_times(app) == [START + timedelta(seconds=n) for n in range(1, 251)]


async def test_a_paused_schedule_does_not_fire_and_keeps_its_pause(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """Adding again does not wake it; resumed, it goes on from now without what it slept through."""
    await app.scheduler.add("report", every=60)
    await app.scheduler.pause("report")
    clock.advance(minutes=10, seconds=30)
    await app.scheduler.add("report", every=60)
    assert await fire_due(app) == 0
    assert [s.status for s in await app.scheduler.list(status="paused")] == [ScheduleStatus.PAUSED]
    await app.scheduler.resume("report")
    assert await fire_due(app) == 0
    clock.advance(seconds=30)
    assert await fire_due(app) == 1
    assert await due_times(app) == [START + 11 * MINUTE]
    schedule = await app.scheduler.get("report")
    assert schedule is not None
    assert (schedule.missed_count, schedule.paused_at) == (0, None)


async def test_a_tick_that_was_planned_before_the_pause_does_not_fire(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """The pause is looked at in the transaction that fires, not in anybody's memory."""
    await app.scheduler.add("report", every=60)
    clock.advance(minutes=1)
    loop = scheduler_of(app)
    agenda = await app.backend.schedules.agenda((), limit=10)
    await app.scheduler.pause("report")
    [firing] = loop.plans(agenda)
    assert await app.backend.schedules.fire([firing]) == []
    await app.scheduler.resume("report")
    assert await app.backend.schedules.fire([firing]) == []
    assert await app.list_jobs() == []


async def test_a_tick_fires_once_whoever_planned_it(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """Two schedulers with the same plan: the second one changes nothing."""
    await app.scheduler.add("report", every=60)
    clock.advance(minutes=1)
    agenda = await app.backend.schedules.agenda((), limit=10)
    one, other = (scheduler_of(app).plans(agenda) for _ in range(2))
    assert len(await app.backend.schedules.fire(one)) == 1
    assert await app.backend.schedules.fire(other) == []
    assert await app.backend.schedules.fire(one) == []
    assert len(await app.list_jobs()) == 1


async def test_two_schedulers_that_start_together_share_one_row_and_fire_each_tick_once(
    make_app: Any, clock: FrozenClock
) -> None:
    """Both write what stands in the code, both see the same tick come, again and again."""

    async def tick() -> None: ...

    apps = [make_app(clock), make_app(clock)]
    for app in apps:
        app.periodic(every=1, name="tick")(tick)
    loops = [scheduler_of(app) for app in apps]
    for _ in range(20):
        await asyncio.gather(*(loop.catch_up() for loop in loops))
        clock.advance(seconds=1)
    assert [schedule.name for schedule in await apps[0].scheduler.list()] == ["tick"]
    assert await due_times(apps[1]) == [START + timedelta(seconds=n) for n in range(1, 20)]


async def test_what_cannot_be_read_does_not_stop_the_others(
    app: Soniq, clock: FrozenClock, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A zone that this host does not know: told once in a while, and the rest fires."""
    job = app._enqueuer.prepare(app._enqueuer.resolve("report"), {}, EnqueueOptions())
    await app.ensure_initialized()
    nowhere = Recurrence(cron="* * * * *", timezone="Mars/Olympus")
    await app.backend.schedules.put(NewSchedule(job, nowhere, Origin.ADDED, START, START + MINUTE))
    app.periodic(every=60, name="other")(nothing)
    await app.scheduler.adopt()
    loop = scheduler_of(app)
    for _ in range(3):
        clock.advance(minutes=1)
        for _ in range(3):
            await loop.catch_up()
    assert [job.job_name for job in await app.list_jobs()] == ["other"] * 3
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["Schedule report can't be fired; next try in 20 s"] * 3


async def test_missed_ticks_are_told_in_the_log(
    app: Soniq, clock: FrozenClock, ran: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """By the one scheduler that fired what was left of them."""
    await app.scheduler.add("report", every=60)
    clock.advance(minutes=3)
    agenda = await app.backend.schedules.agenda((), limit=10)
    loops = [scheduler_of(app) for _ in range(3)]
    for loop, firings in [(loop, loop.plans(agenda)) for loop in loops]:
        await loop.fire(firings)
    [told] = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert told == "Schedule report: 2 tick(s) were missed before 2026-01-01T09:04:00+00:00"


async def test_a_tick_is_not_repeated_when_the_clock_steps_back(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """After a step back by an hour nothing fires until the next tick has really come."""
    await app.scheduler.add("report", every=60)
    clock.advance(minutes=1)
    assert await fire_due(app) == 1
    clock.advance(hours=-1)
    assert await fire_due(app) == 0
    # Also where its row is made to forget: the tick itself is on record.
    await app.scheduler.pause("report")
    await app.scheduler.resume("report")
    clock.advance(hours=1)
    assert await fire_due(app) == 0
    clock.advance(minutes=1)
    assert await fire_due(app) == 1


async def test_a_waiting_unique_job_stands_for_the_tick(app: Soniq, clock: FrozenClock) -> None:
    """A task that is unique never piles up; the tick is on record without a job."""

    @app.periodic(every=60, name="slow", unique=True)
    async def slow() -> None: ...

    await app.scheduler.adopt()
    for _ in range(3):
        clock.advance(minutes=1)
        await fire_due(app)
    assert len(await app.list_jobs()) == 1
    assert [one.job_id is None for one in await app.scheduler.history("slow")] == [
        True,
        True,
        False,
    ]
    schedule = await app.scheduler.get("slow")
    assert schedule is not None
    assert (schedule.last_at, schedule.last_job_id) == (START + 3 * MINUTE, None)


async def test_a_schedule_that_vanished_from_the_code_is_orphaned(
    app: Soniq, make_app: Any, clock: FrozenClock
) -> None:
    """Other code neither fires it nor forgets it; the code that knows it fires it as before."""

    @app.periodic(every=60, name="old")
    async def old() -> None: ...

    await app.scheduler.adopt()
    successor = make_app(clock)
    assert await successor.scheduler.adopt() == ["old"]
    clock.advance(minutes=1)
    assert await fire_due(successor) == 0
    schedule = await successor.scheduler.get("old")
    assert schedule.orphaned_at == START
    assert await fire_due(app) == 1
    schedule = await successor.scheduler.get("old")
    assert schedule.orphaned_at is None


async def test_an_added_schedule_fires_in_code_that_does_not_know_the_task(
    app: Soniq, make_app: Any, clock: FrozenClock, ran: list[str]
) -> None:
    """What was added at run time belongs to the database: any scheduler fires it."""
    await app.scheduler.add("report", every=60, args={"region": "US"})
    clock.advance(minutes=1)
    assert await fire_due(make_app(clock)) == 1
    await run_all(app)
    assert ran == ["US"]


async def test_run_now_makes_a_job_beside_the_ticks(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """The job is due at once and the next tick stays."""
    schedule = await app.scheduler.add("report", every=60, args={"region": "US"})
    await app.scheduler.pause("report")
    await app.scheduler.run_now("report")
    await run_all(app)
    assert ran == ["US"]
    again = await app.scheduler.get("report")
    assert again is not None
    assert again.next_at == schedule.next_at


async def test_preview_shows_the_next_ticks_in_both_clocks(app: Soniq, ran: list[str]) -> None:
    """In the schedule's zone and in UTC."""
    await app.scheduler.add("report", cron="30 11 * * *", timezone="Europe/Paris")
    ticks = await app.scheduler.preview("report", 2)
    assert [tick.at.isoformat() for tick in ticks] == [
        "2026-01-01T10:30:00+00:00",
        "2026-01-02T10:30:00+00:00",
    ]
    assert ticks[0].local.isoformat() == "2026-01-01T11:30:00+01:00"
    assert ticks[0].note is None


async def test_preview_notes_changes_of_the_clock(make_app: Any) -> None:
    """On the day before and on the night itself the note stands where it belongs."""
    app = make_app(FrozenClock(START.replace(month=3, day=28)))
    app.job(name="nightly")(nothing)
    await app.scheduler.add("nightly", cron="30 2 * * *", timezone="Europe/Paris")
    notes = [tick.note for tick in await app.scheduler.preview("nightly", 2)]
    assert notes == ["clocks go forward by 60 min on this day", None]


async def nothing() -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("day", "hours"),
    [((3, 28), [1, 1, 0]), ((10, 24), [0, 0, 1])],
    ids=["an hour is left out", "an hour comes twice"],
)
async def test_a_nightly_job_runs_once_a_night_when_clocks_change(
    make_app: Any, day: tuple[int, int], hours: list[int]
) -> None:
    """Half past two in Paris: where there is none, at three; where there are two, at the first."""
    month, date = day
    clock = FrozenClock(START.replace(month=month, day=date, hour=0))
    app = make_app(clock)
    app.job(name="nightly")(nothing)
    await app.scheduler.add("nightly", cron="30 2 * * *", timezone="Europe/Paris")
    for _ in range(3 * 24 * 4):
        clock.advance(minutes=15)
        await scheduler_of(app).catch_up()
    assert [time.hour for time in await due_times(app)] == hours


async def test_remove_ends_a_schedule(app: Soniq, clock: FrozenClock, ran: list[str]) -> None:
    """It is gone with its ticks, and may be added anew."""
    await app.scheduler.add("report", every=60)
    clock.advance(minutes=1)
    await fire_due(app)
    await app.scheduler.remove("report")
    assert await app.scheduler.get("report") is None
    await app.scheduler.add("report", every=60)
    assert await app.scheduler.history("report") == []


@pytest.mark.parametrize("verb", ["pause", "resume", "remove", "run_now", "preview", "history"])
async def test_a_wrong_name_is_an_error_that_names_the_nearest(
    app: Soniq, ran: list[str], verb: str
) -> None:
    """Nothing is done in silence."""
    await app.scheduler.add("report", every=60)
    with pytest.raises(ScheduleNotFound, match="Did you mean 'report'"):
        await getattr(app.scheduler, verb)("reprot")


async def test_wrong_calls_of_add_are_refused(app: Soniq, ran: list[str]) -> None:
    """Each says what to write instead, and nothing is written."""
    with pytest.raises(TypeError, match="exactly one"):
        await app.scheduler.add(cron="* * * * *")
    with pytest.raises(TypeError, match="exactly one"):
        await app.scheduler.add("report", name="report", cron="* * * * *")
    with pytest.raises(UnknownTask, match="'report'"):
        await app.scheduler.add("reprot", every=60)
    with pytest.raises(TypeError, match="region"):
        await app.scheduler.add("report", every=60, args={"regoin": "US"})
    with pytest.raises(ValueError, match="one of"):
        await app.scheduler.list(status="asleep")
    assert await app.scheduler.list() == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "exactly one"),
        ({"cron": "* * * * *", "every": 60}, "exactly one"),
        ({"every": 0}, "1 second"),
        ({"every": 0.5}, "1 second"),
        ({"every": -5}, "1 second"),
        ({"every": float("nan")}, "1 second"),
        ({"every": timedelta(0)}, "1 second"),
        ({"every": "* * * * *"}, "cron="),
        ({"every": True}, "timedelta"),
        ({"cron": 60}, "every="),
        ({"cron": timedelta(minutes=5)}, "every="),
        ({"every": 60, "missed": "some"}, "'skip'"),
        ({"cron": "*/90 * * * *"}, "every=timedelta"),
        ({"cron": "0 * * * * *"}, "six fields"),
        ({"cron": "0 0 31 2 *"}, "never"),
        ({"cron": "* * * *"}, "five fields"),
        ({"cron": daily}, "cron string"),
        ({"cron": "* * * * *", "timezone": "Europe/Pariss"}, "Did you mean 'Europe/Paris'"),
    ],
)
def test_periodic_refuses_at_decoration(app: Soniq, given: dict[str, Any], words: str) -> None:
    """Exactly one of cron and every, in range: said when it is declared, not when it would fire."""
    with pytest.raises(InvalidOption, match=words):
        app.periodic(**given)


def test_periodic_is_an_ordinary_job_as_well(app: Soniq) -> None:
    """It has the job's options and stays callable; wrong arguments are refused at decoration."""

    @app.periodic(every=every(30).seconds(), name="flush", queue="maintenance", retries=0)
    def flush(batch: int = 3) -> int:
        return batch

    assert flush() == 3
    assert flush.name == "flush"
    assert flush.settings.queue == "maintenance"
    with pytest.raises(TypeError, match="parentheses"):
        app.periodic(nothing)
    with pytest.raises(TypeError, match="size"):
        app.periodic(every=60, name="flush.more", args={"size": 1})(nothing)


async def test_a_worker_that_runs_once_fires_what_is_due_before(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """``run_once`` and ``with_scheduler``: for hosts where only a crontab can start things."""
    await app.scheduler.add("report", every=60, args={"region": "US"}, missed="all")
    clock.advance(minutes=2)
    async with asyncio.timeout(20):
        report = await app.run_worker(run_once=True, with_scheduler=True)
    assert (report.complete, ran) == (2, ["US", "US"])


async def test_the_ways_to_declare_and_to_add(app: Soniq) -> None:
    """A task, its name, a name as ``name=`` and a TaskRef; builders, timedeltas and numbers."""

    @app.periodic(cron=daily().at("09:00"), name="reports.daily")
    async def daily_report() -> None: ...

    @app.periodic(cron=every(10).minutes(), queue="maintenance", name="cleanup")
    async def cleanup_old_sessions(region: str = "EU") -> None: ...

    @app.periodic(every=timedelta(seconds=30), name="metrics.flush")
    async def flush_metrics() -> None: ...

    await app.scheduler.adopt()
    found = {one.name: (one.cron, one.every) for one in await app.scheduler.list()}
    assert found == {
        "cleanup": ("*/10 * * * *", None),
        "metrics.flush": (None, 30.0),
        "reports.daily": ("0 9 * * *", None),
    }
    added = await app.scheduler.add(
        target=cleanup_old_sessions,
        cron=cron("0 9 * * *"),
        args={"region": "US"},
        queue="reports",
        priority=10,
    )
    assert (added.name, added.queue, added.priority) == ("cleanup", "reports", 10)
    for target in ("cleanup", TaskRef("cleanup")):
        await app.scheduler.add(target, every=90.5)
    await app.scheduler.add(name="cleanup", every=timedelta(hours=1))
    assert len(await app.scheduler.list(status="active")) == 3
    await app.scheduler.pause("reports.daily")
    await app.scheduler.resume("reports.daily")
    await app.scheduler.remove("reports.daily")
    assert await app.scheduler.get("reports.daily") is None


async def test_the_last_hundred_ticks_are_kept(
    app: Soniq, clock: FrozenClock, ran: list[str]
) -> None:
    """Those of each schedule, and a few more, however often others fire."""
    app.periodic(every=3600, name="other")(nothing)
    await app.scheduler.adopt()
    await app.scheduler.add("report", every=60)
    for _ in range(130):
        clock.advance(minutes=1)
        await scheduler_of(app).catch_up()
    kept = [one.tick for one in await app.scheduler.history("report", 1000)]
    assert kept[:100] == [START + n * MINUTE for n in range(130, 30, -1)]
    assert len(kept) <= 101
    assert len(await app.scheduler.history("other")) == 2
