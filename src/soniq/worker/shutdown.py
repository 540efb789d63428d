"""running → draining → abandoning: how far a stop has got, and the signals that ask for it."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Generator
from contextlib import contextmanager

logger = logging.getLogger("soniq.worker")

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Shutdown:
    """The first request drains: running jobs may end. The second abandons: hand back now."""

    def __init__(self, first_step: str = "finishing running jobs") -> None:
        self._first_step = first_step
        self.draining = asyncio.Event()
        self.abandoning = asyncio.Event()

    def request(self) -> None:
        """Go one step further towards the end."""
        if self.draining.is_set():
            self.abandoning.set()
        self.draining.set()

    @contextmanager
    def on_signals(self) -> Generator[None]:
        """Let SIGTERM and SIGINT request the stop; put the former handlers back at the end."""
        loop = asyncio.get_running_loop()
        former = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)
                signal.signal(number, former[number])

    def _on_signal(self, number: signal.Signals) -> None:
        step = "handing jobs back now" if self.draining.is_set() else self._first_step
        logger.info("%s: %s", signal.Signals(number).name, step)
        self.request()
