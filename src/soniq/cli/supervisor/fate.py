"""What follows from the end of a worker process. Pure: no clock, no chance, no I/O."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from soniq.cli.exits import Exit

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
# Who has lived so long has recovered from whatever ended its predecessors.
STEADY_SECONDS = 30.0
# So often in a row a worker may fail to start, where none has ever started.
TRIES = 3
# The reason of a worker's end that an operator has asked for, by `soniq workers stop`.
ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a worker process ended, after ``seconds``.

    ``code`` is negative where a signal killed it. ``started``: it had registered. ``asked``: the
    supervisor wanted it to end. ``report`` is what it told at an orderly end, else None.
    """

    pid: int
    code: int
    seconds: float
    started: bool
    asked: bool = False
    report: Mapping[str, int] | None = None
    reason: str = ""

    @property
    def harmless(self) -> bool:
        """Whether it ended as it should, or by a signal of ours before it held anything."""
        early = self.asked and not self.started and self.code < 0
        return self.code == Exit.OK or early

    @property
    def words(self) -> str:
        """How it ended, to go on after its name."""
        if self.code < 0:
            return f"was killed by {name_of(-self.code)} after {self.seconds:.1f} s"
        if self.report is not None and self.code == Exit.OK:
            return f"ended ({self.reason})"
        return f"ended with exit code {self.code} after {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Restart:
    """Start a fresh one after so many seconds."""

    after: float


@dataclass(frozen=True, slots=True)
class Leave:
    """Its place stays empty."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No worker can start here: end with this exit code."""

    code: int


Fate = Restart | Leave | GiveUp


@dataclass(slots=True)
class Place:
    """One of the places for workers: how often in a row its worker has failed."""

    failures: int = 0

    def decide(
        self, ended: Ended, *, proven: bool, stopping: bool, run_once: bool, chance: float
    ) -> Fate:
        """Return what follows from the end of the worker in this place.

        ``proven``: some worker has started before. ``chance``: from 0 to 1, for the jitter.
        """
        if stopping:
            return Leave()
        if ended.report is not None:
            self.failures = 0
            # One fewer is what the operator asked for: a successor would undo it.
            return Leave() if run_once or ended.reason == ASKED else Restart(0.0)
        self.failures = 1 if ended.seconds >= STEADY_SECONDS else self.failures + 1
        hopeless = run_once or ended.code == Exit.USAGE or self.failures >= TRIES
        if not proven and hopeless:
            return GiveUp(ended.code if ended.code > 0 else Exit.FAILED)
        return Leave() if run_once else Restart(pause(self.failures, chance))


@dataclass(slots=True)
class Sum:
    """What all workers that have ended did together, and what became of them."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    ended: int = 0
    crashed: int = 0
    replaced: int = 0

    def add(self, ended: Ended) -> None:
        """Count one more."""
        self.ended += 1
        for name, number in (ended.report or {}).items():
            self.counts[name] = self.counts.get(name, 0) + number
        if ended.report is None and not ended.harmless:
            self.crashed += 1


def pause(failures: int, chance: float) -> float:
    """Return the seconds to wait after so many failures in a row, varied by a quarter."""
    return min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE) * (0.75 + chance / 2)


def name_of(number: int) -> str:
    """Return the name of a signal."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
