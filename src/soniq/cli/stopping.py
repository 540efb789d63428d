"""How ``soniq worker`` ends: signals ask for it, and a last resort sees to it."""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Mapping
from types import FrameType

from soniq.cli.exits import Exit
from soniq.worker.shutdown import Shutdown, Step

logger = logging.getLogger("soniq.worker")

# From a terminal or an init system: each signal asks for the next step.
ALONE: Mapping[signal.Signals, Step | None] = {signal.SIGTERM: None, signal.SIGINT: None}
# From a supervisor, and perhaps once more from whoever signals a whole group of processes: each
# signal has one meaning, however often it comes.
SUPERVISED: Mapping[signal.Signals, Step | None] = {
    signal.SIGTERM: Step.DRAIN,
    signal.SIGINT: Step.DRAIN,
    signal.SIGQUIT: Step.ABANDON,
}
# After the time is up, or after the second signal: the worker needs less, if anything still turns.
LAST_SECONDS = 1.6
LAST_THREADS_SECONDS = 0.3
LAST_WORDS_SECONDS = 0.1


class Stopping:
    """Heeds signals until the process ends: while it starts they end it at once.

    ``shutdown`` is for the worker to obey. ``code`` is what the last resort exits with.
    """

    def __init__(self, signals: Mapping[signal.Signals, Step | None] = ALONE) -> None:
        self.shutdown = Shutdown(self._on_step)
        self.code = Exit.FAILED
        self._signals = signals
        self._timeout: float | None = None
        # It may be put into from a signal handler, whatever the signal has interrupted.
        self._deadlines: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._watch, name="soniq-last-resort", daemon=True).start()
        self._take_signals()

    def begin(self, shutdown_timeout: float) -> None:
        """Leave it to the worker, from now on, to end in order and in time."""
        self._timeout = shutdown_timeout
        self._take_signals()  # once more: modules that were imported may have done so, too

    def end(self) -> None:
        """Ignore signals from now on: there is nothing left to stop.

        After the second one, what still runs in other threads is not waited for.
        """
        for number in self._signals:
            signal.signal(number, signal.SIG_IGN)
        if self.shutdown.abandoning.is_set():
            self._deadlines.put(time.monotonic() + LAST_THREADS_SECONDS)

    def leave(self) -> None:
        """End the process now, whatever still runs in it."""
        logging.shutdown()
        os._exit(self.code)

    def _take_signals(self) -> None:
        for number in self._signals:
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._timeout is None:
            raise SystemExit(Exit.OK)
        name = signal.Signals(number)
        self.shutdown.request_soon(self._signals[name], why=name.name)

    def _on_step(self, step: Step) -> None:
        grace = self._timeout or 0.0 if step is Step.DRAIN else 0.0
        self._deadlines.put(time.monotonic() + grace + LAST_SECONDS)

    def _watch(self) -> None:
        deadline = self._deadlines.get()
        while (left := deadline - time.monotonic()) > 0:
            try:
                deadline = min(deadline, self._deadlines.get(timeout=left))
            except queue.Empty:
                break
        # In a thread: the one that holds up the end may hold a lock of the log, too.
        words = "The end takes too long: leaving now, with all that still runs"
        threading.Thread(target=logger.error, args=[words], daemon=True).start()
        time.sleep(LAST_WORDS_SECONDS)
        os._exit(self.code)
