"""Answers that are shared: how old they may be, and who waits for the next one."""

from __future__ import annotations

import asyncio

from soniq.dashboard.shared import Shared
from tests.support.clock import FrozenClock


class Slow:
    """Counts how often it is asked; answers with that number once it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.answered = asyncio.Event()

    async def ask(self) -> int:
        """Count, wait, answer."""
        self.asked += 1
        number = self.asked
        await self.may_answer.wait()
        self.answered.set()
        return number


async def test_nobody_waits_for_an_answer_to_be_renewed(clock: FrozenClock) -> None:
    """The old one is given at once and asked for anew beside, by one task, however many look."""
    slow = Slow()
    shared = Shared(slow.ask, 60, clock)
    assert await shared.get_at_once(most=600) == 1
    slow.may_answer.clear()
    slow.answered.clear()
    clock.advance(seconds=61)
    assert [await shared.get_at_once(most=600) for _ in range(3)] == [1, 1, 1]
    slow.may_answer.set()
    await slow.answered.wait()
    assert await shared.get() == 2
    assert await shared.get_at_once(most=600) == 2
    assert slow.asked == 2


async def test_what_is_too_old_is_waited_for(clock: FrozenClock) -> None:
    """An answer of ten minutes ago is no answer."""
    slow = Slow()
    shared = Shared(slow.ask, 60, clock)
    assert await shared.get_at_once(most=600) == 1
    clock.advance(seconds=600)
    assert await shared.get_at_once(most=600) == 2


async def test_an_answer_that_cannot_be_renewed_stays(clock: FrozenClock) -> None:
    """Who looks still sees the last one; the failure is nobody's."""
    answers = iter([1])

    async def ask() -> int:
        return next(answers)

    shared = Shared(ask, 60, clock)
    assert await shared.get_at_once(most=600) == 1
    clock.advance(seconds=61)
    for _ in range(3):
        assert await shared.get_at_once(most=600) == 1
        await asyncio.sleep(0)
