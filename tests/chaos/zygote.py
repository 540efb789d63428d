"""A process that has imported everything once and forks workers within milliseconds.

It reads one order a line (JSON) and answers each with one line. It has one thread, so forking is
safe; and it reaps its children only when asked, so that no signal can hit a stranger.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from soniq import crashpoints
from tests.chaos import sabotage
from tests.chaos.app import build
from tests.chaos.effects import EffectLog
from tests.support.processes import unmeasured

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0  # seconds for a process to end after a signal that ends it
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Order:
    """A process to start: ``work`` runs jobs until SIGTERM, ``setup`` migrates the database."""

    url: str
    folder: str
    role: str = "work"
    concurrency: int = 10
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    crash: str | None = None
    sabotage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started; ``number`` is never given twice, unlike a pid."""

    number: int
    pid: int


class Zygote:
    """The test's end of the line. Every process it has started ends with it."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.zygote"],
                cwd=ROOT,
                env=unmeasured(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
            )

    def start(self, order: Order) -> Process:
        """Fork a process."""
        return Process(**self._ask("start", order=asdict(order)))

    def signal(self, process: Process, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send a signal; False if the process had ended before. SIGKILL: return once it is gone."""
        answer = self._ask("signal", number=process.number, signal=int(number))
        return bool(answer["sent"])

    def ended(self) -> dict[int, int]:
        """Return who has ended so far: exit codes by number, negative for signals."""
        return {int(number): code for number, code in self._ask("ended").items()}

    def wait(self, process: Process) -> int:
        """Return the exit code of a process that is to end within some seconds."""
        code: int = self._ask("wait", number=process.number)["code"]
        return code

    def close(self) -> None:
        """Kill all that still runs."""
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.wait(PATIENCE)

    def _ask(self, verb: str, **order: object) -> dict[str, Any]:
        line: IO[str] = self._process.stdin  # type: ignore[assignment]
        line.write(json.dumps({"verb": verb, **order}) + "\n")
        line.flush()
        answer = self._process.stdout.readline()  # type: ignore[union-attr]
        if not answer:
            raise RuntimeError("The zygote has ended; its log says why.")
        result: dict[str, Any] = json.loads(answer)
        return result


# --- in the zygote --------------------------------------------------------------------------------


class Children:
    """The processes that were forked; ``codes`` are those that have ended."""

    def __init__(self) -> None:
        self.pids: dict[int, int] = {}
        self.codes: dict[int, int] = {}

    def start(self, order: dict[str, Any]) -> dict[str, int]:
        """Fork a child that does what the order says."""
        number = len(self.pids)
        pid = os.fork()
        if not pid:
            become(order, number)
        self.pids[number] = pid
        return {"number": number, "pid": pid}

    def signal(self, number: int, signal_number: int) -> dict[str, bool]:
        """Send a signal to a child that is still there."""
        self.reap()
        if number in self.codes:
            return {"sent": False}
        os.kill(self.pids[number], signal_number)
        if signal_number == signal.SIGKILL:
            self.wait(number)
        return {"sent": True}

    def wait(self, number: int) -> dict[str, int]:
        """Wait for the end of a child, but not for ever."""
        deadline = time.monotonic() + PATIENCE
        while number not in self.codes:
            self.reap()
            if time.monotonic() > deadline:
                message = f"process {self.pids[number]} does not end"
                raise TimeoutError(message)
            time.sleep(0.001)
        return {"code": self.codes[number]}

    def reap(self) -> None:
        """Take note of who has ended."""
        for number, pid in self.pids.items():
            if number not in self.codes:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    self.codes[number] = os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """Kill all."""
        for number in self.pids:
            self.signal(number, signal.SIGKILL)


def become(order: dict[str, Any], number: int) -> None:
    """Be that process, and never return into the zygote's loop."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        speak_into(Path(order["folder"]) / "talk.log", number)
        if order["crash"]:
            crashpoints.ARMED = crashpoints.parse(order["crash"])
        sabotage.commit(order["sabotage"])
        asyncio.run(ROLES[order["role"]](order, number))
        code = 0
    except BaseException:
        logger.exception("process %d", number)
    finally:
        os._exit(code)


def speak_into(path: Path, number: int) -> None:
    """Turn what the process says into a file; nothing of the zygote's pipes stays open."""
    talk = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(talk, 1)
    os.dup2(talk, 2)
    layout = f"%(relativeCreated)d {number} %(name)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.WARNING, format=layout, force=True)


async def work(order: dict[str, Any], number: int) -> None:
    """Run jobs until SIGTERM."""
    log = EffectLog(Path(order["folder"]) / "effects", number)
    app = build(order["url"], log, **order["settings"])
    async with app:
        await app.run_worker(concurrency=order["concurrency"], handle_signals=True)


async def setup(order: dict[str, Any], number: int) -> None:
    """Bring the schema up to date."""
    log = EffectLog(Path(order["folder"]) / "effects", number)
    app = build(order["url"], log, **order["settings"])
    await app.setup()
    await app.close()


ROLES = {"work": work, "setup": setup}


def main() -> None:
    """Obey until the line is closed, then end every child."""
    children = Children()
    try:
        for line in sys.stdin:
            order = json.loads(line)
            match order.pop("verb"):
                case "start":
                    answer: object = children.start(order["order"])
                case "signal":
                    answer = children.signal(order["number"], order["signal"])
                case "wait":
                    answer = children.wait(order["number"])
                case _:
                    children.reap()
                    answer = children.codes
            print(json.dumps(answer), flush=True)  # noqa: T201 - the protocol
    finally:
        children.end()


if __name__ == "__main__":
    main()
