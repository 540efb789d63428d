"""A bench that starts no process: what scenarios ask of processes is looked at and answered."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from bench.peers.protocol import COMMANDS
from bench.peers.tally import Tally
from bench.run import Bench, Place
from bench.side import Side
from bench.systems import Store, System

# What processes of other modules than the adapters' can be asked for.
MORE = {"bench.peers.soniq_schedules": {"passes", "lateness"}, "bench.delay": {"serve"}}
SECONDS = 0.001


class Actor:
    """Answers at once as a process would in the end."""

    pid = os.getpid()

    def __init__(self, tally: Path | None, parameters: dict[str, Any]) -> None:
        self._tally = tally
        self._parameters = parameters

    def expect(self, event: str, _: float = 0.0) -> dict[str, Any]:
        """Say what the bench waits for."""
        if event == "ready":
            return {"port": self._parameters.get("port")}
        jobs = self._parameters.get("jobs", 0)
        if self._tally is not None:
            tally = Tally(self._tally)
            tally.hit(0)
            return {"settled": tally.first() + SECONDS}
        figures = {"p50_ms": 1.0}
        return {"seconds": SECONDS, "called": [0.0] * jobs, "figures": figures}

    def go(self) -> None:
        """Take note that the bench has seen enough."""

    def __enter__(self) -> Self:
        """Begin nothing."""
        return self

    def __exit__(self, *_: object) -> None:
        """End nothing."""


@dataclass(kw_only=True)
class Rehearsal(Bench):
    """``asked`` counts the processes; ``stage`` is the one place that all runs are given."""

    stage: Place
    asked: int = 0

    @contextmanager
    def place(self, system: System, store: Store) -> Generator[Place]:
        """Give the same place to all."""
        yield Place(system, store, self.stage.url)

    def side(self, place: Place, command: str, tally: Path | None = None, **parameters: Any) -> Any:
        """Check what is asked for, and answer it."""
        module = parameters.pop("module", place.system.module)
        assert find_spec(module) is not None
        assert command in MORE.get(module, COMMANDS)
        given = {**place.system.options, **parameters}
        assert json.loads(json.dumps(given)) == given
        self.asked += 1
        if command == "serve":
            given["port"] = place.url.rpartition(":")[2].partition("/")[0]
        return Actor(tally, given)

    def wait(self, true: Callable[[], bool], side: Side, seconds: float = 0.0) -> None:
        """Look once, and wait for nothing."""
        true()

    def wait_for(self, tally: Tally, jobs: int, side: Side) -> None:
        """Say that a handler has run."""
        tally.hit(jobs - 1)
