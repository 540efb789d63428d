"""The two pieces of background work: passes that repeat, and calls that share a flush."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from soniq.batch import Batcher
from soniq.events import Events, PassFailed
from soniq.outlast import outlast
from soniq.repeat import repeat, rest
from tests.support.clock import FrozenClock


async def test_failing_pass_does_not_end_the_loop() -> None:
    """A pass that raises is reported, and the next one comes."""
    stop, events, clock = asyncio.Event(), Events(), FrozenClock()
    heard: list[PassFailed] = []
    events.on(PassFailed, heard.append)
    passes = 0

    async def one_pass() -> None:
        nonlocal passes
        passes += 1
        if passes == 1:
            message = "once"
            raise OSError(message)
        stop.set()

    async with asyncio.timeout(5):
        await repeat("test", one_pass, stop=stop, clock=clock, events=events)
    assert passes == 2
    assert [(event.loop, str(event.error)) for event in heard] == [("test", "once")]


async def test_rest_ends_with_the_stop() -> None:
    """A pause of an hour is over as soon as the loop is told to stop."""
    stop = asyncio.Event()
    asyncio.get_running_loop().call_soon(stop.set)
    async with asyncio.timeout(5):
        await rest(stop, 3600)
    await rest(asyncio.Event(), 0.001)


async def test_calls_during_a_flush_share_the_next() -> None:
    """The first call is flushed alone and at once; those that come meanwhile go together."""
    gate, in_flight = asyncio.Event(), asyncio.Event()
    flushed: list[list[int]] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        flushed.append(list(items))
        in_flight.set()
        await gate.wait()
        return [item * 10 for item in items]

    batcher = Batcher(flush, limit=3)
    calls = [asyncio.create_task(batcher.submit(0))]
    await in_flight.wait()
    calls += [asyncio.create_task(batcher.submit(n)) for n in range(1, 6)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*calls) == [0, 10, 20, 30, 40, 50]
    assert flushed == [[0], [1, 2, 3], [4, 5]]
    await batcher.drain()


async def test_failed_flush_fails_its_callers_and_nobody_else() -> None:
    """What a flush raises reaches each of its callers; the next flush is a new one."""

    async def flush(items: Sequence[str]) -> Sequence[str]:
        if "bad" in items:
            message = "refused"
            raise ValueError(message)
        return items

    batcher = Batcher(flush)
    with pytest.raises(ValueError, match="refused"):
        await batcher.submit("bad")
    assert await batcher.submit("good") == "good"


async def test_cancelled_caller_does_not_take_the_others_along() -> None:
    """Whoever stops waiting leaves the flush to the rest, whether it succeeds or fails."""
    gate = asyncio.Event()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        await gate.wait()
        if 9 in items:
            raise ValueError
        return items

    batcher = Batcher(flush)
    first, second = (asyncio.create_task(batcher.submit(n)) for n in (1, 2))
    failing = [asyncio.create_task(batcher.submit(9)) for _ in range(2)]
    await asyncio.sleep(0)
    first.cancel()
    failing[0].cancel()
    gate.set()
    results = await asyncio.gather(first, second, *failing, return_exceptions=True)
    assert [type(result) for result in results[:1]] == [asyncio.CancelledError]
    assert isinstance(results[3], ValueError)
    await batcher.drain()


async def test_a_call_alone_carries_out_its_flush_itself() -> None:
    """A direct flush runs in the caller's task; those that come meanwhile share the next one."""
    flushed: list[tuple[list[int], bool]] = []
    in_flight, gate, caller = asyncio.Event(), asyncio.Event(), asyncio.current_task()

    async def flush(items: Sequence[int]) -> Sequence[int]:
        flushed.append((list(items), asyncio.current_task() is caller))
        in_flight.set()
        await gate.wait()
        return items

    batcher = Batcher(flush, direct=True)

    async def come_later(number: int) -> int:
        await in_flight.wait()
        gate.set()
        return await batcher.submit(number)

    others = [asyncio.create_task(come_later(n)) for n in (2, 3)]
    assert await batcher.submit(1) == 1
    assert await asyncio.gather(*others) == [2, 3]
    assert flushed == [([1], True), ([2, 3], False)]


async def test_cancelled_alone_it_holds_up_nobody() -> None:
    """A direct flush ends with its caller; whoever waited behind it flies, and draining ends."""
    flushed: list[list[int]] = []

    async def flush(items: Sequence[int]) -> Sequence[int]:
        flushed.append(list(items))
        if 1 in items:
            await asyncio.Event().wait()
        return items

    batcher = Batcher(flush, direct=True)
    first = asyncio.create_task(batcher.submit(1))
    await asyncio.sleep(0)
    second = asyncio.create_task(batcher.submit(2))
    draining = asyncio.create_task(batcher.drain())
    await asyncio.sleep(0)
    assert (flushed, draining.done()) == ([[1]], False)
    first.cancel()
    async with asyncio.timeout(5):
        assert await second == 2
        await draining
    assert first.cancelled()


async def test_what_outlasts_a_cancellation() -> None:
    """The work comes to its end first; then the cancellation goes on."""
    go, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        ended.set()

    task = asyncio.create_task(outlast(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_what_comes_of_outlasting() -> None:
    """Without a cancellation it is what the work returns or raises."""

    async def divide(by: int) -> float:
        await asyncio.sleep(0)
        return 1 / by

    assert await outlast(divide(2)) == 0.5
    with pytest.raises(ZeroDivisionError):
        await outlast(divide(0))


async def test_a_stray_cancellation_does_not_end_the_loop() -> None:
    """A pass that is cancelled though nobody ends the loop has failed; the next one comes."""
    stop, events, clock = asyncio.Event(), Events(), FrozenClock()
    heard: list[PassFailed] = []
    events.on(PassFailed, heard.append)

    async def one_pass() -> None:
        if heard:
            stop.set()
            return
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with asyncio.timeout(5):
        await repeat("test", one_pass, stop=stop, clock=clock, events=events)
    assert [type(event.error) for event in heard] == [asyncio.CancelledError]


async def test_a_cancelled_loop_ends() -> None:
    """Whoever cancels the task of a loop ends it, also in the middle of a pass."""
    begun = asyncio.Event()

    async def one_pass() -> None:
        begun.set()
        await asyncio.Event().wait()

    loop = asyncio.create_task(
        repeat("test", one_pass, stop=asyncio.Event(), clock=FrozenClock(), events=Events())
    )
    await begun.wait()
    loop.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([loop])
    assert loop.cancelled()
