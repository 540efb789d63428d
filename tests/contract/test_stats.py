"""Numbers over the tables."""

from __future__ import annotations

from soniq.backends.contract import Backend
from soniq.backends.worker_contract import WorkerIdentity
from soniq.outcome import Complete
from tests.support import FrozenClock
from tests.support.store import (
    OTHER,
    WORKER,
    buried,
    claim,
    claimed_job,
    insert,
    new_job,
    register,
    settle,
)


async def test_nothing(backend: Backend) -> None:
    """Without jobs there are no queues."""
    assert await backend.stats.queues() == {}


async def test_every_state_is_counted(backend: Backend, clock: FrozenClock) -> None:
    """Each queue shows all states, 0 where there are none, and their sum."""
    await buried(backend, new_job(clock, queue="b"))
    done = await claimed_job(backend, new_job(clock, queue="b"))
    await settle(backend, done, Complete("1"))
    await claimed_job(backend, new_job(clock, queue="b"))
    cancelled = new_job(clock, queue="a")
    await insert(backend, cancelled)
    await backend.jobs.cancel(cancelled.id)
    await insert(backend, new_job(clock, queue="b"), new_job(clock, queue="b", delay=60))
    nothing = dict.fromkeys(
        ("total", "queued", "processing", "done", "dead_letter", "cancelled"), 0
    )
    assert await backend.stats.queues() == {
        "a": nothing | {"total": 1, "cancelled": 1},
        "b": nothing | {"total": 5, "queued": 2, "processing": 1, "done": 1, "dead_letter": 1},
    }


async def test_sorted_by_queue(backend: Backend, clock: FrozenClock) -> None:
    """Queues come in the order of their names."""
    await insert(backend, *(new_job(clock, queue=queue) for queue in ("b", "c", "a")))
    assert list(await backend.stats.queues()) == ["a", "b", "c"]


async def test_a_queue_of_dead_letters_only(backend: Backend, clock: FrozenClock) -> None:
    """A queue whose jobs have all died is still shown."""
    await buried(backend, new_job(clock, queue="q"))
    queues = await backend.stats.queues()
    assert (queues["q"]["total"], queues["q"]["dead_letter"]) == (1, 1)


async def test_unserved_queues_are_found(backend: Backend, clock: FrozenClock) -> None:
    """Those with jobs due for the grace and no living worker; the first due job tells how long."""
    await insert(
        backend,
        new_job(clock, queue="mail", priority=1, delay=5),
        new_job(clock, queue="mail", priority=500),
        new_job(clock, queue="late", delay=60),
        new_job(clock, queue="also"),
    )
    await insert(backend, new_job(clock, queue="gone"))
    await claim(backend, queues=("gone",))
    clock.advance(seconds=9)
    assert await backend.stats.unserved(grace=10) == {}
    clock.advance(seconds=1)
    assert await backend.stats.unserved(grace=10) == {"also": 10.0, "mail": 10.0}
    assert list(await backend.stats.unserved(grace=0)) == ["also", "mail"]


async def test_a_living_worker_serves_its_queues(backend: Backend, clock: FrozenClock) -> None:
    """One of those named, or of all; from the end of its lease on it serves none."""
    await insert(backend, new_job(clock, queue="mail"), new_job(clock, queue="slow"))
    some = WorkerIdentity(WORKER, "here", 1, ("mail", "other"), 1, ())
    await backend.workers.register(some, lease=30)
    assert list(await backend.stats.unserved(grace=0)) == ["slow"]
    every = WorkerIdentity(OTHER, "here", 2, None, 1, ())
    await backend.workers.register(every, lease=20)
    assert await backend.stats.unserved(grace=0) == {}
    clock.advance(seconds=20)
    assert await backend.stats.unserved(grace=0) == {"slow": 20.0}
    clock.advance(seconds=10)
    assert await backend.stats.unserved(grace=0) == {"mail": 30.0, "slow": 30.0}


async def test_tasks_that_nobody_knows(backend: Backend, clock: FrozenClock) -> None:
    """Those of due jobs, with the first due time; not of paused queues, nor of what is later."""
    start = clock.now()
    await insert(
        backend,
        new_job(clock, "new.one", queue="b", priority=500),
        new_job(clock, "new.one", queue="a", delay=5),
        new_job(clock, "new.two", queue="a"),
        new_job(clock, "new.late", queue="a", delay=60),
        new_job(clock, "new.paused", queue="c"),
        new_job(clock, "mail.send"),
    )
    await backend.queues.pause("c", by="ana")
    await register(backend, WORKER, tasks=("mail.send",))
    clock.advance(seconds=5)
    assert await backend.stats.unknown() == {"new.one": start, "new.two": start}
    assert list(await backend.stats.unknown()) == ["new.one", "new.two"]
    await register(backend, OTHER, tasks=("new.one", "new.two"), lease=10)
    assert await backend.stats.unknown() == {}
    clock.advance(seconds=10)
    assert await backend.stats.unknown() == {"new.one": start, "new.two": start}
