"""Gather items while the last flush is in flight, then flush them together.

An item that finds nothing in flight is flushed at once, alone. Under load the batches grow by
themselves to what arrives during one flush. A delay is added only where a pace is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from typing import Generic, TypeVar

# Items that share a flush: with fewer they come too seldom for a rest to gather more.
SEVERAL = 5

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Gatherer(Generic[Item]):
    """Collects items and hands them over in batches; nobody waits for a single one.

    ``flush`` takes a list of items; what it raises is its own to report. At most ``limit`` items
    go into one flush, and one flush is in flight at a time.

    ``pace``: in seconds. While items come so fast that several share a flush, the next one begins
    no sooner than that after its beginning, so that more share it.
    """

    def __init__(
        self,
        flush: Callable[[list[Item]], Awaitable[None]],
        *,
        limit: int = 1000,
        pace: float = 0.0,
    ) -> None:
        self._flush = flush
        self._limit = limit
        self._pace = pace
        self._awaited = asyncio.Event()
        self._waiting: list[Item] = []
        self._flying = 0
        self._flight: asyncio.Future[None] | None = None
        # A flight carries items of many: it must not look like a part of the job that started it.
        self._context = copy_context()

    def __len__(self) -> int:
        """Return the number of items that are not flushed yet."""
        return len(self._waiting) + self._flying

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight. A flight of an event loop that was closed is none."""
        return self._flight is None or self._flight.get_loop().is_closed()

    def add(self, item: Item) -> None:
        """Take one item."""
        self._waiting.append(item)
        if self.idle:
            self._take_off()

    async def drain(self, timeout: float | None = None) -> bool:
        """Wait until nothing waits and nothing is in flight; tell whether it came to that."""
        self._awaited.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    while self._flight is not None and not self.idle:
                        await asyncio.wait([self._flight])
        finally:
            self._awaited.clear()
        return self.idle

    def occupy(self) -> asyncio.Future[None]:
        """Let items wait as if a flush were in flight: the caller carries one out by itself.

        Whatever comes of that, ``vacate`` must follow.
        """
        flight = self._flight = asyncio.get_running_loop().create_future()
        return flight

    def vacate(self, flight: asyncio.Future[None]) -> None:
        """Go on with what has waited meanwhile."""
        self._flight = None
        flight.set_result(None)
        if self._waiting and not flight.get_loop().is_closed():
            self._take_off()

    def _take_off(self) -> None:
        self._flight = asyncio.create_task(self._fly(), context=self._context.copy())

    async def _fly(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                self._flying = len(batch)
                next_at = loop.time() + self._pace
                await self._flush(batch)
                self._flying = 0
                if len(batch) >= SEVERAL and loop.time() < next_at:
                    await self._rest(next_at)
        finally:
            self._flying = 0
            self._flight = None

    async def _rest(self, until: float) -> None:
        """Let more items come, unless somebody waits for the last of them."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._awaited.wait()


class Batcher(Generic[Item, Answer]):
    """Collects items of concurrent callers, who each wait for the answer to their own.

    ``flush`` takes a list of items and returns one answer for each, in order; what it raises is
    raised to every caller of that batch.

    ``direct``: a call that finds nothing in flight carries out its flush itself. That spares it
    several turns of the event loop, but if it is cancelled, its flush is too.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        limit: int = 1000,
        direct: bool = False,
    ) -> None:
        self._answer = flush
        self._direct = direct
        self._gatherer: Gatherer[tuple[Item, asyncio.Future[Answer]]] = Gatherer(
            self._flush, limit=limit
        )

    async def submit(self, item: Item) -> Answer:
        """Hand over one item and return its answer, once its batch has been flushed.

        A caller that is cancelled stops waiting; its item is flushed all the same, unless its
        flush is ``direct``.
        """
        if self._direct and self._gatherer.idle:
            flight = self._gatherer.occupy()
            try:
                [answer] = await self._answer([item])
            finally:
                self._gatherer.vacate(flight)
            return answer
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._gatherer.add((item, future))
        return await future

    async def drain(self) -> None:
        """Return when nothing waits and nothing is in flight."""
        await self._gatherer.drain()

    async def _flush(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._answer([item for item, _ in batch])
        except BaseException as error:  # noqa: BLE001 - it belongs to the callers, whatever it is
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # a caller that has gone away must not leave a warning
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
