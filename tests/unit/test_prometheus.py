"""What is counted for Prometheus, and what is told of queues and workers when somebody looks."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from soniq import Snooze, Soniq
from soniq.backends.memory.workers import MemoryWorkerStore
from soniq.backends.operator_contract import DatabaseFacts
from soniq.errors import ConfigurationError, PermanentFailure
from soniq.events import JobRescued, LeaseLost, PassFailed, ScheduleMissed
from soniq.observability.cached import Cached
from soniq.observability.labels import Capped
from soniq.observability.prometheus import Metrics, exposition, instrument, metrics_endpoint
from soniq.standing import Pause, QueueStanding
from tests.support.clock import FrozenClock
from tests.support.jobs import PATIENCE, run_all


@pytest.fixture
async def app(clock: FrozenClock) -> AsyncIterator[Soniq]:
    """An app in memory, on a clock that stands still, whose queues nobody has looked at."""
    async with Soniq(backend="memory", clock=clock) as app:
        yield app


class Queues:
    """How the queues of an app stand, by the test's own word; ``asked`` counts the questions."""

    def __init__(self, app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.standings: list[QueueStanding] = []
        monkeypatch.setattr(app.queues, "list", self._list)

    async def _list(self) -> list[QueueStanding]:
        self.asked += 1
        return self.standings


def standing(queue: str, **facts: Any) -> QueueStanding:
    """Return how a queue stands: as nothing but what is given."""
    none: dict[str, Any] = {
        "due": 0, "later": 0, "processing": 0, "dead_letter": 0, "exact": True,
        "oldest_due_at": None, "next_due_at": None, "served_by": 0, "pause": None,
    }  # fmt: skip
    return QueueStanding(queue=queue, **(none | facts))


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the value of a series, or None where there is none."""
    return metrics.registry.get_sample_value(name, labels)


async def test_jobs_are_counted_by_queue_name_and_outcome(app: Soniq, clock: FrozenClock) -> None:
    """Enqueued, and each attempt by what became of its job; waits and runs in seconds."""
    metrics = instrument(app)

    @app.job(name="mail.send", queue="mail", retries=1, retry_delay=600)
    async def send(how: str) -> Snooze | None:
        clock.advance(seconds=2)
        if how == "fail":
            raise ValueError
        if how == "bury":
            raise PermanentFailure
        return Snooze(60) if how == "snooze" else None

    for how in ("fine", "fail", "bury", "snooze"):
        await app.enqueue(send, how=how)
    clock.advance(seconds=30)
    await run_all(app, concurrency=1)

    job = {"queue": "mail", "task": "mail.send"}
    assert value(metrics, "soniq_jobs_enqueued_total", **job) == 4
    for outcome in ("complete", "retry", "bury", "snooze"):
        assert value(metrics, "soniq_jobs_finished_total", outcome=outcome, **job) == 1
    assert value(metrics, "soniq_job_wait_seconds_count", **job) == 4
    assert value(metrics, "soniq_job_wait_seconds_sum", **job) == 30 + 32 + 34 + 36
    assert value(metrics, "soniq_job_run_seconds_sum", **job) == 8
    assert value(metrics, "soniq_job_run_seconds_bucket", le="1.0", **job) == 0
    assert value(metrics, "soniq_job_run_seconds_bucket", le="5.0", **job) == 4


async def test_waiting_begins_when_a_job_is_due(app: Soniq, clock: FrozenClock) -> None:
    """A job for later does not wait before its time."""
    metrics = instrument(app)

    @app.job(name="later")
    async def later() -> None: ...

    await app.enqueue(later, scheduled_at=100)
    clock.advance(seconds=107)
    await run_all(app)
    labels = {"queue": "default", "task": "later"}
    assert value(metrics, "soniq_job_wait_seconds_sum", **labels) == 7


async def test_jobs_of_schedules_are_enqueued_ones(app: Soniq, clock: FrozenClock) -> None:
    """What a scheduler enqueues counts like what a program enqueues."""
    metrics = instrument(app)

    @app.periodic(every=timedelta(minutes=1), name="tick", queue="clock")
    async def tick() -> None: ...

    await app.run_worker(run_once=True, with_scheduler=True)
    clock.advance(seconds=60)
    await app.run_worker(run_once=True, with_scheduler=True)
    assert value(metrics, "soniq_jobs_enqueued_total", queue="clock", task="tick") == 1


async def test_missed_ticks_are_counted(app: Soniq, clock: FrozenClock) -> None:
    """Ten minutes without a scheduler: the last tick fires, nine are missed."""
    metrics = instrument(app)

    @app.periodic(every=timedelta(minutes=1), name="tick")
    async def tick() -> None: ...

    await app.run_worker(run_once=True, with_scheduler=True)
    clock.advance(minutes=10)
    await app.run_worker(run_once=True, with_scheduler=True)
    assert value(metrics, "soniq_schedule_missed_total") == 9


async def test_what_goes_wrong_is_counted(app: Soniq) -> None:
    """Lost claims, rescued jobs, passes that failed, by loop."""
    metrics = instrument(app)
    assert value(metrics, "soniq_lease_lost_total") == 0
    await app.events.emit(LeaseLost("id", "name"))
    await app.events.emit(JobRescued("id", "name", "worker", buried=False))
    await app.events.emit(PassFailed("prune", OSError()))
    await app.events.emit(ScheduleMissed("name", 3))
    assert value(metrics, "soniq_lease_lost_total") == 1
    assert value(metrics, "soniq_rescued_total") == 1
    assert value(metrics, "soniq_loop_restarts_total", loop="prune") == 1
    assert value(metrics, "soniq_schedule_missed_total") == 3


async def test_a_heartbeat_that_fails_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs in a thread of its own, and is told on the event loop of the worker."""
    renew, stop = MemoryWorkerStore.renew, asyncio.Event()
    threads: list[threading.Thread] = []

    async def fail_once(*args: Any, **options: Any) -> Any:
        if not threads:
            raise OSError
        return await renew(*args, **options)

    def hear(_: PassFailed) -> None:
        threads.append(threading.current_thread())
        stop.set()

    monkeypatch.setattr(MemoryWorkerStore, "renew", fail_once)
    async with Soniq(backend="memory", heartbeat_interval=0.01) as app, asyncio.timeout(PATIENCE):
        metrics = instrument(app)
        app.events.on(PassFailed, hear)
        await app.run_worker(stop=stop)
    assert value(metrics, "soniq_loop_restarts_total", loop="heartbeat") == 1
    assert threads == [threading.main_thread()]


async def test_nobody_hears_events_of_an_app_without_metrics(app: Soniq) -> None:
    """The check of what is wanted stays what it was: nothing is made that nobody counts."""
    assert not app.events.wanted(PassFailed)
    instrument(app)
    assert app.events.wanted(PassFailed)


async def test_series_are_bounded() -> None:
    """After so many names the rest share one; those that came first keep theirs."""
    async with Soniq(backend="memory", enqueue_validation="none") as app:
        metrics = instrument(app, most_names=2)
        for number in range(5):
            await app.enqueue(f"job_{number}")
        await app.enqueue("job_0")
    for name, count in (("job_0", 2), ("job_1", 1), ("other", 3)):
        labels = {"queue": "default", "task": name}
        assert value(metrics, "soniq_jobs_enqueued_total", **labels) == count
    assert "job_2" not in generate_latest(metrics.registry).decode()


def test_capped_names() -> None:
    """A name that was let in stays in."""
    name = Capped(1)
    assert [name("a"), name("b"), name("a")] == ["a", "other", "a"]


# --- gauges ---------------------------------------------------------------------------------------


async def test_queues_are_told_as_they_stand(
    app: Soniq, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many wait and how long, who serves them, whether they are paused; by the app's word."""
    queues, metrics = Queues(app, monkeypatch), instrument(app)
    pause = Pause("idle", clock.now(), "me", "")
    queues.standings = [
        standing("idle", pause=pause, dead_letter=2),
        standing("mail", due=7, oldest_due_at=clock.now() - timedelta(seconds=9), served_by=3),
    ]
    await metrics.watch.look()
    names = ("depth", "oldest_seconds", "workers", "paused", "dead_letters")
    told = {
        queue: [value(metrics, f"soniq_queue_{name}", queue=queue) for name in names]
        for queue in ("idle", "mail")
    }
    assert told == {"idle": [0, 0, 0, 1, 2], "mail": [7, 9, 3, 0, 0]}


async def test_queues_beyond_the_bound_are_put_together(
    app: Soniq, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their jobs are added up; of the oldest the oldest counts."""
    queues, metrics = Queues(app, monkeypatch), instrument(app, most_names=1)
    ages = {"a": 1, "b": 20, "c": 10}
    queues.standings = [
        standing(queue, due=5, oldest_due_at=clock.now() - timedelta(seconds=age))
        for queue, age in ages.items()
    ]
    await metrics.watch.look()
    assert value(metrics, "soniq_queue_depth", queue="other") == 10
    assert value(metrics, "soniq_queue_oldest_seconds", queue="other") == 20
    assert value(metrics, "soniq_queue_depth", queue="b") is None


async def test_a_flood_of_scrapes_is_one_question_a_second(
    app: Soniq, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many look at once or within a second, the database is asked once."""
    queues, metrics = Queues(app, monkeypatch), instrument(app)
    await asyncio.gather(*(metrics.watch.look() for _ in range(50)))
    clock.advance(seconds=0.9)
    await metrics.watch.look()
    assert queues.asked == 1
    clock.advance(seconds=0.2)
    await metrics.watch.look()
    assert queues.asked == 2


async def test_what_can_not_be_had_is_left_out(
    app: Soniq, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is away costs the gauges of queues, after a minute; nothing else."""
    queues, metrics = Queues(app, monkeypatch), instrument(app)
    queues.standings = [standing("mail", due=7)]
    await metrics.watch.look()

    async def away() -> list[QueueStanding]:
        raise OSError

    monkeypatch.setattr(app.queues, "list", away)
    clock.advance(seconds=30)
    await metrics.watch.look()
    assert value(metrics, "soniq_queue_depth", queue="mail") == 7
    clock.advance(seconds=32)
    await metrics.watch.look()
    assert value(metrics, "soniq_queue_depth", queue="mail") is None
    assert value(metrics, "soniq_lease_lost_total") == 0


async def test_held_snapshots_are_told_where_they_are_known(
    app: Soniq, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the facts about the database."""
    metrics = instrument(app)
    known: dict[str, Any] = {}

    async def database() -> DatabaseFacts:
        return DatabaseFacts("postgres", "18", clock.now(), facts=known)

    monkeypatch.setattr(app.stats, "database", database)
    await metrics.watch.look()
    assert value(metrics, "soniq_held_snapshot_seconds") is None
    known["oldest_snapshot_seconds"] = 90
    clock.advance(seconds=61)
    await metrics.watch.look()
    assert value(metrics, "soniq_held_snapshot_seconds") == 90


async def test_the_slots_of_a_worker_are_told_while_it_runs(app: Soniq) -> None:
    """Busy and free ones, and that it listens; nothing of that without a worker."""
    metrics = instrument(app)
    told: dict[str, float | None] = {}

    def look() -> None:
        for state in ("busy", "free"):
            told[state] = value(metrics, "soniq_worker_slots", state=state)
        told["listens"] = value(metrics, "soniq_listener_up")

    @app.job(name="looks")
    async def looks() -> None:
        look()

    await app.enqueue(looks)
    await run_all(app, concurrency=5)
    assert told == {"busy": 1, "free": 4, "listens": 1}
    look()
    assert told == {"busy": None, "free": None, "listens": None}


# --- places to look from --------------------------------------------------------------------------


async def test_a_look_from_a_thread_waits_for_the_event_loop(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the client's own server does: the queues are there at the first scrape, and the lag."""
    queues, metrics = Queues(app, monkeypatch), instrument(app)
    queues.standings = [standing("mail", due=7)]
    text = (await asyncio.to_thread(generate_latest, metrics.registry)).decode()
    assert 'soniq_queue_depth{queue="mail"} 7.0\n' in text
    lag = value(metrics, "soniq_event_loop_lag_seconds")
    assert lag is not None
    assert 0 <= lag < 2


async def test_an_event_loop_that_stands_still_is_told(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scrape comes to its end all the same, with the time that the loop was late."""
    monkeypatch.setattr("soniq.observability.watch.PATIENCE_SECONDS", 0.05)
    metrics = instrument(app)
    thread = threading.Thread(target=metrics.watch.look_from_thread)
    thread.start()
    thread.join()  # the loop is this thread's
    assert value(metrics, "soniq_event_loop_lag_seconds") == pytest.approx(0.05, abs=0.04)


async def test_the_exposition_waits_for_nothing(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the event loop it tells what is known, and begins to ask for what is not."""
    queues = Queues(app, monkeypatch)
    queues.standings = [standing("mail", due=7)]
    text, kind = exposition(app)
    assert kind.startswith("text/plain")
    assert b"soniq_queue_depth{" not in text
    await instrument(app).watch.look()
    assert b'soniq_queue_depth{queue="mail"} 7.0\n' in exposition(app)[0]


async def test_the_endpoint_speaks_asgi(app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers with the queues as they stand now."""
    queues = Queues(app, monkeypatch)
    queues.standings = [standing("mail", due=7)]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await metrics_endpoint(app)({"type": "http", "headers": []}, receive, send)
    assert sent[0]["status"] == 200
    assert b'soniq_queue_depth{queue="mail"} 7.0\n' in sent[1]["body"]


# --- registries -----------------------------------------------------------------------------------


async def test_an_app_is_instrumented_once(app: Soniq) -> None:
    """Again gives the same metrics; another registry is refused."""
    registry = CollectorRegistry()
    metrics = instrument(app, registry)
    assert metrics.registry is registry
    assert instrument(app) is instrument(app, registry) is metrics
    with pytest.raises(ConfigurationError, match="instrument it once"):
        instrument(app, CollectorRegistry())


async def test_two_apps_share_nothing() -> None:
    """Each has its own registry, nothing goes into the global one, and one holds one app only."""
    one, two = Soniq(backend="memory"), Soniq(backend="memory")
    metrics = instrument(one)
    assert instrument(two).registry is not metrics.registry
    assert b"soniq_" not in generate_latest(prometheus_client.REGISTRY)
    with pytest.raises(ConfigurationError, match="registry of its own"):
        instrument(Soniq(backend="memory"), metrics.registry)


def test_metrics_do_not_keep_an_app_alive() -> None:
    """An app that nobody needs any more goes, with its metrics."""
    app = Soniq(backend="memory")
    instrument(app)
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None


async def test_a_question_without_an_answer_is_left(clock: FrozenClock) -> None:
    """Whoever looks waits for so long; the next one waits for the same question."""
    begun, answer = 0, asyncio.Event()

    async def ask() -> int:
        nonlocal begun
        begun += 1
        await answer.wait()
        return 7

    cached = Cached("It", ask, every=1.0, clock=clock)
    assert not await cached.refresh(0.01)
    clock.advance(seconds=5)
    assert not await cached.refresh(0.01)
    assert (begun, cached.value) == (1, None)
    answer.set()
    assert await cached.refresh(5)
    assert cached.value == 7
    await cached.close()
