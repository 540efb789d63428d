"""One worker process, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

from soniq.cli.stopping import LAST_SECONDS
from soniq.cli.supervisor.fate import Ended
from soniq.worker.shutdown import Step

# A worker sees to its own end in time. This is for one that nothing turns in any more.
MARGIN_SECONDS = 0.25
LAST_WORDS_SECONDS = 0.5


class Child:
    """A worker process that runs. ``on_start`` is called when it has registered."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        line: socket.socket,
        on_start: Callable[[], None],
    ) -> None:
        self.pid = process.pid
        self._process = process
        self._line = line
        self._on_start = on_start
        self._born = time.monotonic()
        self._timeout: float | None = None
        self._report: dict[str, int] | None = None
        self._reason = ""
        self._asked = False
        self._kill_timer: asyncio.TimerHandle | None = None

    @classmethod
    async def start(
        cls, command: Callable[[int], Sequence[str]], on_start: Callable[[], None]
    ) -> Self:
        """Start one: ``command`` makes its command line from the number of its end of the line."""
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            process = await asyncio.create_subprocess_exec(
                *command(number),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[number],
                # Ctrl-C reaches the whole group of a terminal: it is for the supervisor to count.
                start_new_session=True,
            )
        return cls(process, ours, on_start)

    async def wait(self) -> Ended:
        """Return how it ended, once it has."""
        listening = asyncio.create_task(self._listen())
        code = await self._process.wait()
        # Limited: a program that it has left behind may hold its end of the line open.
        await asyncio.wait([listening], timeout=LAST_WORDS_SECONDS)
        listening.cancel()
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        seconds = time.monotonic() - self._born
        started = self._timeout is not None
        return Ended(self.pid, code, seconds, started, self._asked, self._report, self._reason)

    def ask(self, step: Step) -> None:
        """Ask it to go a step towards its end, which it must reach in time."""
        self._asked = True
        if step is Step.DRAIN:
            self._send(signal.SIGTERM)
            self._kill_after((self._timeout or 0.0) + LAST_SECONDS + MARGIN_SECONDS)
        else:
            self._send(signal.SIGQUIT)
            self._kill_after(LAST_SECONDS + MARGIN_SECONDS)

    def _kill_after(self, seconds: float) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        loop = asyncio.get_running_loop()
        self._kill_timer = loop.call_later(seconds, self._send, signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        # Not by the process object: it looks first whether the process has ended, and the exit code
        # that it fetches then is lost to the event loop, which reports 255.
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._line)
        try:
            while line := await reader.readline():
                with suppress(ValueError):  # it was killed in the middle of a word
                    self._hear(line)
        finally:
            writer.close()

    def _hear(self, line: bytes) -> None:
        message = json.loads(line)
        if "started" in message:
            self._timeout = message["started"]
            self._on_start()
        else:
            self._report, self._reason = message["report"], message["reason"]
