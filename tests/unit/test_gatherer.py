"""What is flushed together, and when."""

from __future__ import annotations

import asyncio

from soniq.batch import SEVERAL, Gatherer

LONG = 60.0


class Flushes:
    """Notes each flush."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.changed = asyncio.Event()

    async def __call__(self, items: list[int]) -> None:
        """Take a turn of the event loop, as any database does."""
        await asyncio.sleep(0)
        self.batches.append(items)
        self.changed.set()

    async def until(self, count: int) -> None:
        """Wait for so many flushes."""
        async with asyncio.timeout(5):
            while len(self.batches) < count:
                self.changed.clear()
                await self.changed.wait()


async def test_gathers_while_a_flush_is_in_flight() -> None:
    """The first goes alone and at once; what comes meanwhile goes together, up to the limit."""
    flushes = Flushes()
    gatherer = Gatherer(flushes, limit=3)
    gatherer.add(0)
    await asyncio.sleep(0)  # it takes off
    for item in range(1, 6):
        gatherer.add(item)
    await flushes.until(3)
    assert flushes.batches == [[0], [1, 2, 3], [4, 5]]


async def test_a_pace_does_not_delay_single_items() -> None:
    """Whoever comes seldom finds nobody to share a flush with."""
    flushes = Flushes()
    gatherer = Gatherer(flushes, pace=LONG)
    for number in range(1, 4):
        gatherer.add(number)
        await flushes.until(number)
    assert flushes.batches == [[1], [2], [3]]


async def test_rests_at_a_pace_while_several_share_a_flush() -> None:
    """Whoever waits for the last of them ends the rest."""
    flushes = Flushes()
    gatherer = Gatherer(flushes, pace=LONG)
    many = list(range(SEVERAL))
    for item in many:
        gatherer.add(item)
    await flushes.until(1)
    for item in (10, 11):
        gatherer.add(item)
        for _ in range(5):
            await asyncio.sleep(0)
    assert flushes.batches == [many]
    assert len(gatherer) == 2
    assert await gatherer.drain(5)
    assert flushes.batches == [many, [10, 11]]


async def test_a_rest_ends() -> None:
    """After the pace what has come meanwhile is flushed, though nobody waits for it."""
    flushes = Flushes()
    gatherer = Gatherer(flushes, pace=0.01)
    for item in range(SEVERAL):
        gatherer.add(item)
    await flushes.until(1)
    gatherer.add(10)
    await flushes.until(2)
    assert flushes.batches[1] == [10]
