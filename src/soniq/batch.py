"""Gather calls while the last flush is in flight, then flush them together.

No delay is added: a call that finds nothing in flight is flushed at once, alone. Under load the
batches grow by themselves to what arrives during one flush.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Collects items of concurrent callers and hands them over in batches.

    ``flush`` takes a list of items and returns one answer for each, in order; what it raises is
    raised to every caller of that batch. At most ``limit`` items go into one flush and at most
    ``lanes`` flushes are in flight.

    ``direct``: a call that finds nothing in flight carries out its flush itself. That spares it
    several turns of the event loop, but if it is cancelled, its flush is too.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]],
        *,
        limit: int = 1000,
        lanes: int = 1,
        direct: bool = False,
    ) -> None:
        self._flush = flush
        self._limit = limit
        self._lanes = lanes
        self._direct = direct
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._flights: set[asyncio.Future[None]] = set()

    async def submit(self, item: Item) -> Answer:
        """Hand over one item and return its answer, once its batch has been flushed.

        A caller that is cancelled stops waiting; its item is flushed all the same, unless its
        flush is ``direct``.
        """
        if self._direct and not self._flights:
            return await self._fly_alone(item)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._take_off()
        return await future

    async def drain(self) -> None:
        """Return when nothing waits and nothing is in flight."""
        while self._flights:
            await asyncio.wait(self._flights)

    async def _fly_alone(self, item: Item) -> Answer:
        loop = asyncio.get_running_loop()
        flight = loop.create_future()
        self._flights.add(flight)
        try:
            [answer] = await self._flush([item])
            return answer
        finally:
            flight.set_result(None)
            self._flights.discard(flight)
            if self._waiting and not loop.is_closed():
                self._take_off()

    def _take_off(self) -> None:
        # Flights of an event loop that was closed under them will never land.
        self._flights = {one for one in self._flights if not one.get_loop().is_closed()}
        while self._waiting and len(self._flights) < self._lanes:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            flight = asyncio.create_task(self._fly(batch))
            self._flights.add(flight)
            flight.add_done_callback(self._land)

    def _land(self, flight: asyncio.Future[None]) -> None:
        self._flights.discard(flight)
        self._take_off()

    async def _fly(self, batch: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._flush([item for item, _ in batch])
        except BaseException as error:  # noqa: BLE001 - it belongs to the callers, whatever it is
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # a caller that has gone away must not leave a warning
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
