"""Whether a write lets others have a turn of the event loop first, so that they can join it."""

from __future__ import annotations

import asyncio

# After so many writes that found nobody else, one in so many gives a turn: it takes a twentieth of
# the time of a write.
ALONE_FOR, ONE_IN = 8, 4


class Turns:
    """Gives turns before every write while others come meanwhile, and seldom to who is alone."""

    def __init__(self) -> None:
        self._writes = 0
        self._alone = 0
        self._waiting = 0

    async def give(self) -> None:
        """Let others have a turn, if this is a time for it."""
        self._writes = number = self._writes + 1
        if not self._waiting and self._alone >= ALONE_FOR and number % ONE_IN:
            return
        self._waiting += 1
        try:
            await asyncio.sleep(0)
        finally:
            self._waiting -= 1
        self._alone = self._alone + 1 if self._writes == number else 0
