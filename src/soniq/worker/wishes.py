"""Obey what an operator asks of this worker: claim no more, claim again, end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from soniq.worker.inflight import Inflight
from soniq.worker.shutdown import Shutdown, Step

logger = logging.getLogger("soniq.worker")


class Wishes:
    """Takes wishes from the heartbeat's thread to the loop on which the worker runs.

    ``to_claim`` is set as long as jobs may be claimed. ``heard`` is the latest wish. ``reason`` is
    ``asked`` once a wish has been the first to end this worker, before it is None.
    """

    def __init__(self, inflight: Inflight, shutdown: Shutdown) -> None:
        self._inflight = inflight
        self._shutdown = shutdown
        self._loop: asyncio.AbstractEventLoop | None = None
        self.to_claim = asyncio.Event()
        self.to_claim.set()
        self.heard: str | None = None
        self.reason: str | None = None

    def attach(self) -> None:
        """Serve the running event loop."""
        self._loop = asyncio.get_running_loop()

    def hear(self, wish: str | None) -> None:
        """Obey a wish, from any thread; nothing happens where it is the same as before."""
        if wish == self.heard:
            return
        self.heard = wish
        if wish == "stop":
            self._stop()
        elif self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the worker has ended
                self._loop.call_soon_threadsafe(self._claim if wish is None else self._keep_quiet)

    def _stop(self) -> None:
        if not self._shutdown.draining.is_set():
            self.reason = "asked"
        self._shutdown.request_soon(Step.DRAIN, why="An operator asks for the end of this worker")

    def _keep_quiet(self) -> None:
        logger.info("An operator asks for quiet: no more jobs are claimed, those that run go on")
        self.to_claim.clear()
        self._inflight.give_back_ready()
        # Who claims and waits for a free slot is to find out: what a claim brings goes back, too.
        self._inflight.changed.set()

    def _claim(self) -> None:
        logger.info("An operator asks to go on: jobs are claimed again")
        self.to_claim.set()
