"""One side of a run: a process that carries out a command of an adapter, seen from the bench."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.peers.tally import SLOTS, VARIABLE

ROOT = Path(__file__).parents[1]
READY_SECONDS = 60.0


class Failed(Exception):
    """A process of a system ended or went silent; the message is its last word."""


class Side:
    """A process in a session of its own, so that its children end with it."""

    def __init__(
        self,
        program: Sequence[str],
        command: str,
        parameters: Mapping[str, Any],
        *,
        tally: Path | None = None,
    ) -> None:
        self._told = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._rest = b""
        hidden = ("SONIQ_", "VIRTUAL_ENV", "PYTHONPATH")
        environment = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
        if tally is not None:
            environment |= {VARIABLE: str(tally), f"{VARIABLE}_SLOTS": str(SLOTS)}
        self._process = subprocess.Popen(
            [*program, command, json.dumps(parameters)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._told,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def expect(self, event: str, timeout: float = READY_SECONDS) -> dict[str, Any]:
        """Wait until the process tells an event; return what it says of it.

        Raises:
            Failed: it ended, or said nothing in time.
        """
        until = time.monotonic() + timeout
        while True:
            line = self._line(until, timeout)
            if line.startswith(b'{"event"'):
                told: dict[str, Any] = json.loads(line)
                if told["event"] == event:
                    return told

    def _line(self, until: float, timeout: float) -> bytes:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - asked for above
        while b"\n" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([stream], [], [], left)[0]:
                message = f"nothing after {timeout:.0f} s; {self._last_word()}"
                raise Failed(message)
            read = os.read(stream.fileno(), 1 << 16)
            if not read:
                raise Failed(self._last_word())
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _last_word(self) -> str:
        self._told.seek(0)
        lines = self._told.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "it said nothing"

    def go(self) -> None:
        """Let the process go on."""
        stream = self._process.stdin
        assert stream is not None  # noqa: S101 - asked for above
        stream.write(b"go\n")
        stream.flush()

    def end(self) -> None:
        """Kill the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._told):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.end()
