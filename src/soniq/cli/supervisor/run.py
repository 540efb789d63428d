"""Keep a number of worker processes running, and end them all when a signal asks for it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial

from soniq.cli import logs
from soniq.cli.exits import Exit
from soniq.cli.supervisor.child import Child
from soniq.cli.supervisor.fate import ASKED, Ended, GiveUp, Place, Restart, Sum
from soniq.cli.tally import told
from soniq.clock import SystemClock
from soniq.repeat import rest
from soniq.worker.shutdown import SIGNALS, Step

logger = logging.getLogger("soniq.supervisor")

WORDS = {
    Step.DRAIN: "workers finish running jobs; a second signal hands them back now",
    Step.ABANDON: "workers hand jobs back now",
}


class Supervisor:
    """Starts workers, each in a place of its own, and starts another one when it ends.

    The first one goes ahead: where it can't start, the others would only say the same.
    """

    def __init__(
        self, command: Callable[[int, int], Sequence[str]], processes: int, *, run_once: bool
    ) -> None:
        self._command = command
        self._processes = processes
        self._run_once = run_once
        self._children: set[Child] = set()
        self._proven = asyncio.Event()
        self._stopping = asyncio.Event()
        self._step: Step | None = None
        self._clock = SystemClock()
        self._sum = Sum()
        self._code = int(Exit.OK)

    async def run(self) -> int:
        """Return the exit code when all workers have ended."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            signal.signal(number, lambda n, _: loop.call_soon_threadsafe(self._on_signal, n))
        logger.info("Supervisor %d starts %d worker(s)", os.getpid(), self._processes)
        await asyncio.gather(*(self._keep(n) for n in range(self._processes)))
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # there is nothing left to stop
        done = self._sum
        logger.info(
            "Supervisor %d ended; %d worker process(es), %d crashed, %d replaced: %s",
            os.getpid(), done.ended, done.crashed, done.replaced, told(done.counts),
        )  # fmt: skip
        return self._code or (Exit.FAILED if done.counts.get("abandoned") else Exit.OK)

    async def _keep(self, number: int) -> None:
        """Keep a place filled, as long as that is wanted."""
        place = Place()
        if number:
            await self._proven.wait()
        while not self._stopping.is_set():
            ended = await self._run_one(number)
            fate = place.decide(
                ended,
                proven=self._proven.is_set(),
                stopping=self._stopping.is_set(),
                run_once=self._run_once,
                chance=self._clock.random(),
            )
            if isinstance(fate, Restart):
                self._tell_restart(ended, fate.after)
                self._sum.replaced += 1
                await rest(self._stopping, fate.after)
                continue
            if isinstance(fate, GiveUp):
                logger.error("Worker %d %s: no worker can start", ended.pid, ended.words)
                self._code = fate.code
                self._stopping.set()
            elif ended.reason == ASKED and not self._stopping.is_set():
                logger.warning(
                    "Worker %d ended as an operator asked: none takes its place before the "
                    "supervisor is started anew", ended.pid,
                )  # fmt: skip
            break
        self._proven.set()

    async def _run_one(self, number: int) -> Ended:
        command = partial(self._command, number)
        child = await Child.start(command, self._proven.set)
        self._children.add(child)
        if self._step is not None:
            child.ask(self._step)
        ended = await child.wait()
        self._children.discard(child)
        self._sum.add(ended)
        if (self._stopping.is_set() or self._run_once) and not ended.harmless:
            logger.error("Worker %d %s", ended.pid, ended.words)
            self._code = self._code or (ended.code if ended.code > 0 else Exit.FAILED)
        return ended

    def _tell_restart(self, ended: Ended, seconds: float) -> None:
        level = logging.INFO if ended.harmless and ended.report is not None else logging.WARNING
        when = f"in {seconds:.1f} s" if seconds else "now"
        logger.log(level, "Worker %d %s; another one starts %s", ended.pid, ended.words, when)

    def _on_signal(self, number: int) -> None:
        if self._step is Step.ABANDON:
            return
        self._step = Step.DRAIN if self._step is None else Step.ABANDON
        logger.info("%s: %s", signal.Signals(number).name, WORDS[self._step])
        self._stopping.set()
        self._proven.set()
        for child in self._children:
            child.ask(self._step)


def supervise(processes: int, *, run_once: bool, log_format: str | None = None) -> int:
    """Run workers with the options of this process's own command line; return the exit code.

    Raises:
        ConfigurationError: a log level that there is not.
    """
    # Only these two of all settings; the workers check them, each with the app's own.
    level, kind = os.environ.get("SONIQ_LOG_LEVEL"), os.environ.get("SONIQ_LOG_FORMAT")
    logs.configure(level or "INFO", log_format or kind or "console")
    return asyncio.run(Supervisor(command_line, processes, run_once=run_once).run())


def command_line(place: int, descriptor: int) -> list[str]:
    """Return the command line of the worker process in a place, with its end of the line."""
    words = sys.argv[1:]
    after = words.index("worker") + 1
    line = ["--line", str(descriptor), "--place", str(place)]
    return [sys.executable, "-m", "soniq", *words[:after], *line, *words[after:]]
