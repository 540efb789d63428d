"""Rouse idle workers for what is durable already: a call that is lost costs no more than a poll."""

from __future__ import annotations

import logging
from collections.abc import Collection

from soniq.backends.contract import Wakeups

logger = logging.getLogger("soniq")


async def rouse(wakeups: Wakeups, queues: Collection[str]) -> None:
    """Wake those who wait for any of these queues; raises nothing.

    What was asked for is written by now: an error would only invite to ask for it once more.
    """
    try:
        if queues:
            await wakeups.wake(queues)
    except Exception:
        logger.debug("A wake-up was lost; workers will poll.", exc_info=True)
