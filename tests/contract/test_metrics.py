"""What Prometheus is told of real databases."""

from __future__ import annotations

from soniq import Soniq
from soniq.errors import PermanentFailure
from soniq.observability.prometheus import instrument
from tests.support.clock import FrozenClock
from tests.support.jobs import run_all


async def test_queues_are_told_as_the_database_has_them(app: Soniq, clock: FrozenClock) -> None:
    """What is due and since when, what is paused, what is dead; snapshots where there are any."""
    metrics = instrument(app)

    @app.job(name="dies", queue="dead")
    async def dies() -> None:
        raise PermanentFailure

    @app.job(name="waits", queue="mail")
    async def waits() -> None: ...

    await app.enqueue(dies)
    await run_all(app)
    await app.enqueue_many(waits, [{}, {}])
    await app.enqueue(waits, scheduled_at=600)
    await app.queues.pause("mail", by="me")
    clock.advance(seconds=40)
    await metrics.watch.look()

    def told(name: str, queue: str) -> float | None:
        return metrics.registry.get_sample_value(f"soniq_queue_{name}", {"queue": queue})

    names = ("depth", "oldest_seconds", "workers", "paused", "dead_letters")
    assert [told(name, "mail") for name in names] == [2, 40, 0, 1, 0]
    assert [told(name, "dead") for name in names] == [0, 0, 0, 0, 1]
    age = metrics.registry.get_sample_value("soniq_held_snapshot_seconds")
    assert (age is not None) == (app.backend.name == "postgres")


async def test_an_open_database_is_ready(app: Soniq) -> None:
    """Asked by what a probe asks."""
    watch = instrument(app).watch
    assert await watch.database.refresh(20)
    assert watch.database.value == ""
