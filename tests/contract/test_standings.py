"""How queues stand: what waits and runs, since when, who serves them, who holds them back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from soniq.backends.contract import Backend
from soniq.standing import QueueStanding
from tests.support import FrozenClock
from tests.support.store import NOBODY, OTHER, WORKER, buried, claim, insert, new_job, register

NOTHING: dict[str, Any] = {
    "due": 0,
    "later": 0,
    "processing": 0,
    "dead_letter": 0,
    "exact": True,
    "oldest_due_at": None,
    "next_due_at": None,
    "served_by": 0,
    "pause": None,
}


async def standings(backend: Backend, **options: int) -> dict[str, QueueStanding]:
    """Return them by their queues, which must be sorted."""
    found = await backend.stats.standings(**options)
    queues = [one.queue for one in found]
    assert queues == sorted(queues)
    return dict(zip(queues, found, strict=True))


async def test_nothing(backend: Backend) -> None:
    """Without jobs there are no queues."""
    assert await backend.stats.standings() == []


async def test_what_waits(backend: Backend, clock: FrozenClock) -> None:
    """Due and later are told apart at this very moment, whatever the priorities."""
    await insert(
        backend,
        new_job(clock, queue="mail", priority=1, delay=60),
        new_job(clock, queue="mail", priority=500),
        new_job(clock, queue="mail", priority=100, delay=10),
        new_job(clock, queue="mail", priority=100, delay=20),
        new_job(clock, queue="also", delay=3600),
    )
    start = clock.now()
    clock.advance(seconds=10)
    found = await standings(backend)
    assert dict(found["mail"]) == {
        "queue": "mail",
        **NOTHING,
        "due": 2,
        "later": 2,
        "oldest_due_at": start,
        "next_due_at": start + timedelta(seconds=20),
    }
    assert dict(found["also"]) == {
        "queue": "also",
        **NOTHING,
        "later": 1,
        "next_due_at": start + timedelta(hours=1),
    }


async def test_what_runs_and_what_has_died(backend: Backend, clock: FrozenClock) -> None:
    """Both show, also in queues in which nothing waits; what is done does not."""
    await buried(backend, new_job(clock, queue="dead"))
    await buried(backend, new_job(clock, queue="dead"))
    await insert(backend, new_job(clock, queue="busy"), new_job(clock, queue="busy", delay=5))
    await claim(backend)
    cancelled = new_job(clock, queue="gone")
    await insert(backend, cancelled)
    await backend.jobs.cancel(cancelled.id)
    found = await standings(backend)
    assert list(found) == ["busy", "dead"]
    assert (found["busy"].processing, found["busy"].due, found["busy"].later) == (1, 0, 1)
    assert dict(found["dead"]) == {"queue": "dead", **NOTHING, "dead_letter": 2}


async def test_who_serves_it(backend: Backend, clock: FrozenClock) -> None:
    """Living workers of all queues or of this one, unless they were asked to hold back."""
    await insert(backend, new_job(clock, queue="mail"), new_job(clock, queue="shop"))
    await register(backend, WORKER, queues=("mail", "other"))
    await register(backend, OTHER, lease=60)
    await register(backend, NOBODY, lease=60, queues=("shop",))
    found = await standings(backend)
    assert (found["mail"].served_by, found["shop"].served_by) == (2, 2)
    await backend.workers.ask(NOBODY, "quiet")
    clock.advance(seconds=30)
    found = await standings(backend)
    assert (found["mail"].served_by, found["shop"].served_by) == (1, 1)
    await backend.workers.ask(NOBODY, None)
    await backend.workers.ask(OTHER, "stop")
    found = await standings(backend)
    assert (found["mail"].served_by, found["shop"].served_by) == (0, 1)


async def test_a_pause_shows(backend: Backend, clock: FrozenClock) -> None:
    """With its author and reason; an empty queue that is paused is there, too."""
    await insert(backend, new_job(clock, queue="mail"))
    await backend.queues.pause("mail", by="ana", reason="deploy")
    await backend.queues.pause("empty", by="bob")
    found = await standings(backend)
    assert found["mail"].due == 1
    [empty, mail] = await backend.queues.paused()
    assert dict(found["empty"]) == {"queue": "empty", **NOTHING, "pause": found["empty"].pause}
    for pause, expected in ((found["empty"].pause, empty), (found["mail"].pause, mail)):
        assert pause is not None
        assert dict(pause) == dict(expected)


@pytest.mark.parametrize("priorities", [1, 7])
async def test_what_is_beyond_the_bound(
    backend: Backend, clock: FrozenClock, priorities: int
) -> None:
    """It is estimated, never below the bound; first moments and smaller queues stay exact."""
    start = clock.now()
    await insert(
        backend,
        *(
            new_job(clock, queue="big", priority=100 + n % priorities, delay=n % 2 and 60 + n)
            for n in range(500)
        ),
        new_job(clock, queue="big", priority=900, delay=30),
        *(new_job(clock, queue="small", priority=1 + n % priorities) for n in range(4)),
    )
    clock.advance(seconds=1)
    found = await standings(backend, bound=4)
    big, small = found["big"], found["small"]
    assert (small.due, small.later, small.exact) == (4, 0, True)
    assert big.due + big.later >= 4
    assert (big.oldest_due_at, big.next_due_at) == (start, start + timedelta(seconds=30))
    if not big.exact:
        found = await standings(backend, bound=600)
        big = found["big"]
    assert (big.due, big.later, big.exact) == (250, 251, True)


async def test_dead_letters_beyond_the_bound(backend: Backend, clock: FrozenClock) -> None:
    """They are estimated, too, and no fewer than were counted."""
    for _ in range(20):
        await buried(backend, new_job(clock, queue="dead"))
    found = await standings(backend, bound=1)
    assert found["dead"].dead_letter >= 1
    if found["dead"].exact:
        assert found["dead"].dead_letter == 20
    found = await standings(backend, bound=100)
    assert (found["dead"].dead_letter, found["dead"].exact) == (20, True)
