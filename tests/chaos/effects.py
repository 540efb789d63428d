"""What really happened: one line for each step of each run, in a file that survives SIGKILL."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from soniq import JobContext


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the log.

    ``what``: start, effect, end and failed are steps of a run; lost is an outcome that the fence
    refused. ``number`` is the job as its producer counts it, ``process`` the worker process as the
    test counts it, ``at`` the monotonic time of the host, which all processes share.
    """

    what: str
    number: int
    job_id: str
    attempt: int
    worker: str
    process: int
    at: float


class EffectLog:
    """Appends lines, each by one ``write``, which the system keeps in one piece."""

    def __init__(self, path: Path, process: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._process = process

    def note(self, what: str, number: int, context: JobContext) -> None:
        """Say that a run of a job has got so far."""
        self.write(what, number, context.job_id, context.attempt, context.worker_id or "-")

    def write(self, what: str, number: int, job_id: str, attempt: int, worker: str) -> None:
        """Append a line."""
        now = time.monotonic()
        line = f"{what} {number} {job_id} {attempt} {worker} {self._process} {now:.6f}\n"
        os.write(self._file, line.encode())


def read(path: Path) -> list[Effect]:
    """Return all lines in the order in which they were written."""
    return [parse(line) for line in path.read_text().splitlines()] if path.exists() else []


def parse(line: str) -> Effect:
    """Return what a line says."""
    what, number, job_id, attempt, worker, process, at = line.split(" ")
    return Effect(what, int(number), job_id, int(attempt), worker, int(process), float(at))
