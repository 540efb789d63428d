"""Wake-ups: idle workers hear of work at once, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from soniq.backends.contract import SCHEDULE_CHANGES, Backend, Queues
from tests.support import FrozenClock
from tests.support.store import new_job

# Far longer than any wake-up takes, far shorter than LONG: what returns in between was woken.
SOON = 10.0
LONG = 50.0


async def listening(backend: Backend, queues: Queues) -> None:
    """Wait once in vain, so that the backend listens from here on."""
    await backend.wakeups.wait(queues, timeout=0.01)


@pytest.mark.parametrize("queues", [None, ("a",), ("b", "a")], ids=repr)
async def test_a_waiting_worker_is_woken(backend: Backend, queues: Queues) -> None:
    """Whoever waits for the queue, or for all, hears of it."""
    await listening(backend, queues)
    waiting = asyncio.create_task(backend.wakeups.wait(queues, timeout=LONG))
    await asyncio.sleep(0)
    async with asyncio.timeout(SOON):
        await backend.wakeups.wake(["a"])
        await waiting


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("key", [None, "k"])
async def test_an_insert_can_wake(
    backend: Backend, clock: FrozenClock, number: int, key: str | None
) -> None:
    """Whoever waits for the queue of a new job hears of it, though nobody calls ``wake``."""
    await listening(backend, ("a",))
    waiting = asyncio.create_task(backend.wakeups.wait(("a",), timeout=LONG))
    await asyncio.sleep(0)
    jobs = [new_job(clock, queue="a", key=key and f"{key}{n}") for n in range(number)]
    async with asyncio.timeout(SOON):
        assert await backend.jobs.insert(jobs, wake=True) == [job.id for job in jobs]
        await waiting


async def test_an_insert_that_wakes_writes_the_same(backend: Backend, clock: FrozenClock) -> None:
    """Rows don't tell whether somebody was woken for them; the same ids again are harmless."""
    later = clock.now() + timedelta(hours=1)
    for number, facts in enumerate(
        (
            {},
            {"delay": 90.5, "headers": '{"trace": "1"}', "max_attempts": 7},
            {"scheduled_at": later, "priority": -3, "args": '{"n": 1e308}'},
            {"scheduled_at": clock.now() - timedelta(days=1), "name": "other"},
        )
    ):
        await backend.wakeups.wait(("a",), timeout=0.01)
        plain, waking = (new_job(clock, queue="a", **facts) for _ in range(2))
        await backend.jobs.insert([plain])
        for _ in range(2):
            assert await backend.jobs.insert([waking], wake=True) == [waking.id]
        one, other = await backend.jobs.get(plain.id), await backend.jobs.get(waking.id)
        assert one is not None
        assert other is not None
        assert replace(one, id=other.id) == other
        assert len(await backend.jobs.find()) == 2 * number + 2


async def test_a_wake_between_two_waits_is_not_lost(backend: Backend) -> None:
    """What happened since the last wait ends the next one."""
    await listening(backend, ("a",))
    await backend.wakeups.wake({"x", "a"})
    async with asyncio.timeout(SOON):
        await backend.wakeups.wait(("a",), timeout=LONG)


async def test_everybody_is_woken(backend: Backend) -> None:
    """Several who wait at the same time all hear of it."""
    await listening(backend, None)
    waiting = [
        asyncio.create_task(backend.wakeups.wait(queues, timeout=LONG))
        for queues in (None, ("a",), ("a", "b"))
    ]
    await asyncio.sleep(0)
    async with asyncio.timeout(SOON):
        await backend.wakeups.wake(["a"])
        await asyncio.gather(*waiting)


async def test_changes_of_schedules_are_for_schedulers_alone(backend: Backend) -> None:
    """A worker beside them that waits for all queues neither wakes of one nor takes it away."""
    await listening(backend, None)
    worker = asyncio.create_task(backend.wakeups.wait(None, timeout=LONG))
    await asyncio.sleep(0)
    await backend.wakeups.wake([SCHEDULE_CHANGES])
    async with asyncio.timeout(SOON):
        await backend.wakeups.wait((SCHEDULE_CHANGES,), timeout=LONG)
        assert not worker.done()
        await backend.wakeups.wake(["a"])
        await worker


async def test_a_sibling_is_woken(backend: Backend) -> None:
    """Another handle to the same database hears of it as well."""
    sibling = backend.sibling()
    await sibling.open()
    try:
        await listening(sibling, ("a",))
        waiting = asyncio.create_task(sibling.wakeups.wait(("a",), timeout=LONG))
        async with asyncio.timeout(SOON):
            while not waiting.done():  # a call before the sibling listens is lost, as any may be
                await backend.wakeups.wake(["a"])
                await asyncio.wait([waiting], timeout=0.05)
    finally:
        await sibling.close()


async def test_without_a_wake_it_waits(backend: Backend) -> None:
    """An undisturbed wait takes its time and then returns."""
    await listening(backend, ("a",))
    started = time.monotonic()
    async with asyncio.timeout(SOON):
        await backend.wakeups.wait(("a",), timeout=0.2)
    assert time.monotonic() - started >= 0.19


async def test_a_heard_wake_is_over(backend: Backend) -> None:
    """One wake ends one wait, not all that follow."""
    await listening(backend, ("a",))
    await backend.wakeups.wake(["a"])
    async with asyncio.timeout(SOON):
        await backend.wakeups.wait(("a",), timeout=LONG)
        started = time.monotonic()
        await backend.wakeups.wait(("a",), timeout=0.2)
    assert time.monotonic() - started >= 0.19


async def test_no_time_no_wait(backend: Backend) -> None:
    """A timeout of 0 returns at once."""
    async with asyncio.timeout(SOON):
        await backend.wakeups.wait(None, timeout=0)
        await backend.wakeups.wait(("a",), timeout=0)


async def test_a_cancelled_wait_leaves_nothing_behind(backend: Backend) -> None:
    """Cancelling one who waits does not disturb the next."""
    await listening(backend, None)
    waiting = asyncio.create_task(backend.wakeups.wait(None, timeout=LONG))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(SOON):
        await backend.wakeups.wake(["a"])
        await backend.wakeups.wait(None, timeout=LONG)


async def test_odd_and_long_names(backend: Backend) -> None:
    """Queues of any name can be woken, no queue at all can too."""
    odd = ("ü" * 255, "a,b", "o'clock", '{"x"}', " ")
    await backend.wakeups.wake([])
    for queue in odd:
        await listening(backend, (queue,))
        await backend.wakeups.wake([queue])
        async with asyncio.timeout(SOON):
            await backend.wakeups.wait((queue,), timeout=LONG)


@asynccontextmanager
async def lent(backend: Backend, kind: str) -> AsyncIterator[object]:
    """Lend a connection where the backend has some; elsewhere any object stands for one."""
    if kind == "postgres":
        async with backend.acquire() as connection:
            yield connection
    else:
        yield object()


async def test_wake_after_a_connection_that_is_in_no_transaction(
    backend: Backend, backend_kind: str
) -> None:
    """Where nothing is left to wait for, the wake-up comes at once."""
    await listening(backend, ("a",))
    async with asyncio.timeout(SOON), lent(backend, backend_kind) as connection:
        backend.wakeups.wake_after(connection, ["a"])
        await backend.wakeups.wait(("a",), timeout=LONG)
