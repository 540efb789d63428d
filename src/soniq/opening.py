"""Open a backend once, on first use; again for another event loop or after a fork."""

from __future__ import annotations

import asyncio
import logging
import os

from soniq.backends.contract import Backend
from soniq.errors import ConfigurationError

logger = logging.getLogger("soniq")


class Opening:
    """Remembers for which process and event loop a backend is open."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Return once the backend is open here.

        Raises:
            ConfigurationError: it is in use by another event loop that still runs.
        """
        loop = asyncio.get_running_loop()
        if self._loop is loop and self._pid == os.getpid():
            return
        self._forget_dead_loop(loop)
        async with self._lock:
            if self._loop is None:
                await self._backend.open()
                self._loop, self._pid = loop, os.getpid()

    async def close(self) -> None:
        """Close the backend, if it is open."""
        if self._loop is not None:
            self._loop = None
            await self._backend.close()

    def _forget_dead_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None:
            return
        if self._pid == os.getpid() and self._loop is not loop and not self._loop.is_closed():
            message = (
                "This Soniq object is open in another event loop that still runs: make one "
                "Soniq object per event loop, or close this one there first."
            )
            raise ConfigurationError(message)
        # What the dead loop or the parent process had open can't be closed from here, only dropped.
        logger.debug("Opening anew: the former event loop or process is gone")
        self._backend.forget()
        self._loop, self._lock = None, asyncio.Lock()
