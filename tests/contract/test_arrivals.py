"""How fast jobs come in: told by the ids of those that are still there, wherever they are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from soniq import Soniq
from soniq.backends.contract import Backend
from soniq.clock import IdSequence
from soniq.errors import InvalidOption
from soniq.outcome import Complete, Retry
from tests.support import FrozenClock
from tests.support.store import OOPS, buried, claimed_job, insert, new_job, settle


async def test_whatever_has_become_of_them(backend: Backend, clock: FrozenClock) -> None:
    """Waiting, running, done, cancelled, dead or replayed: each counts once, by its queue."""
    await insert(backend, new_job(clock, queue="before", delay=900))
    since = clock.now()
    clock.advance(seconds=10)
    await insert(backend, new_job(clock, queue="a", delay=600), cancelled := new_job(clock))
    await backend.jobs.cancel(cancelled.id)
    again = await claimed_job(backend, new_job(clock, queue="a"))
    await settle(backend, again, Retry(60, OOPS))
    ended_at = clock.now()
    await settle(backend, await claimed_job(backend, new_job(clock, queue="b")), Complete("1"))
    dead = new_job(clock, queue="dead")
    await buried(backend, dead)
    clock.advance(seconds=10)
    assert await backend.dead_letters.replay(dead.id, new_id=clock.new_id())
    found = await backend.stats.arrivals(since=since)
    assert found.numbers == {"a": 2, "b": 1, "dead": 2, "default": 1}
    assert list(found.numbers) == sorted(found.numbers)
    assert (found.since, found.kept_since) == (since, ended_at)
    assert (await backend.stats.arrivals(since=ended_at)).numbers == {"dead": 1}
    assert (await backend.stats.arrivals(since=clock.now())).numbers == {}


async def test_nothing(backend: Backend, clock: FrozenClock) -> None:
    """Without jobs none came, and none is kept."""
    found = await backend.stats.arrivals(since=clock.now())
    assert (found.numbers, found.since, found.kept_since) == ({}, clock.now(), None)


async def test_no_more_than_the_bound_are_read(backend: Backend, clock: FrozenClock) -> None:
    """Then the count is that of the newest, and of the while in which they came."""
    since = clock.now()
    for _ in range(4):
        clock.advance(seconds=10)
        await insert(backend, new_job(clock, queue="a"), new_job(clock, queue="b"))
    found = await backend.stats.arrivals(since=since, bound=4)
    assert found.numbers == {"a": 2, "b": 2}
    assert found.since == since + timedelta(seconds=30)
    assert (await backend.stats.arrivals(since=since, bound=9)).numbers == {"a": 4, "b": 4}


async def test_a_host_whose_clock_is_slow(backend: Backend, clock: FrozenClock) -> None:
    """Its jobs count by the database's clock, as long as it is less than a minute late."""
    since = clock.now()
    clock.advance(seconds=1)
    for late, counted in ((59, True), (62, False)):
        behind = int((clock.now() - timedelta(seconds=late)).timestamp() * 1000)
        late_id = IdSequence().next(behind)
        await insert(backend, new_job(clock, id=late_id, queue=f"late {late}"))
        found = await backend.stats.arrivals(since=since)
        assert (f"late {late}" in found.numbers) is counted


async def test_rates(app: Soniq, clock: FrozenClock) -> None:
    """Jobs a second within the window, which may be chosen."""
    assert await app.stats.arrivals() == {}
    await insert(app.backend, *(new_job(clock, queue="mail") for _ in range(6)))
    assert await app.stats.arrivals() == {"mail": 6 / 60}
    clock.advance(seconds=30)
    await insert(app.backend, *(new_job(clock, queue="shop") for _ in range(3)))
    assert await app.stats.arrivals(window=20) == {"shop": 3 / 20}
    clock.advance(seconds=30)
    assert await app.stats.arrivals() == {"shop": 3 / 60}
    for wrong in (0, 3601, float("nan")):
        with pytest.raises(InvalidOption):
            await app.stats.arrivals(window=wrong)


async def test_what_is_not_kept_can_not_be_told(app: Soniq, clock: FrozenClock) -> None:
    """Where done jobs vanish within the window nothing is made up; where there were none, it is."""
    await app.ensure_initialized()
    backend = app.backend
    await settle(backend, await claimed_job(backend, new_job(clock)), Complete("1"))
    assert await app.stats.arrivals() == {"default": 1 / 60}
    clock.advance(minutes=2)
    await insert(backend, new_job(clock))
    assert await app.stats.arrivals() == {"default": 1 / 60}
    assert await backend.jobs.prune(older_than=0) == 1
    assert await app.stats.arrivals() is None
    clock.advance(minutes=70)
    assert await app.stats.arrivals() == {}
