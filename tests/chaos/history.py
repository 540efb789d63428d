"""The history of one run under faults: what was asked for, what happened, what the tables say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from tests.chaos.effects import Effect

TERMINAL = frozenset({"done", "cancelled", "dead"})


@dataclass(frozen=True, slots=True)
class Enqueue:
    """A job as its producer knows it; ``unknown``: the reply was lost, it may or may not exist."""

    number: int
    outcome: Literal["ok", "failed", "unknown"] = "ok"
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the database tells it; ``status`` is ``dead`` for a dead letter."""

    id: str
    number: int
    status: str
    attempts: int = 1
    max_attempts: int = 1000
    fence: int = 1
    crashes: int = 0
    worker: str | None = None
    queue: str = "default"
    priority: int = 100
    unique_key: str | None = None
    result: Any = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Kill:
    """The end of a process that it did not choose.

    ``held``: the jobs that it was running; None where nobody could look in time.
    """

    process: int
    at: float
    held: int | None = None


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is left when all workers have ended; ``what`` the connections do, in words."""

    connections: int = 0
    idle_in_transaction: int = 0
    what: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """Everything that the checker looks at.

    Args:
        enqueues: what the producer knows.
        effects: the log of the workers.
        rows: all jobs and dead letters at the end.
        kills: processes that ended against their will.
        stalled: processes that were stopped for longer than their lease: they lose their jobs.
        earlier: ended jobs that were seen meanwhile: (status, fence) by id.
        committed: how often each job that commits an effect with its outcome has done so, by id.
        leftovers: what is left of the workers; None where nobody looked.
        order_bound: how many jobs a job may overtake; None where order is not promised.
        ticks: (schedule, tick) of each job that a schedule has enqueued.
    """

    enqueues: Sequence[Enqueue] = ()
    effects: Sequence[Effect] = ()
    rows: Sequence[Row] = ()
    kills: Sequence[Kill] = ()
    stalled: frozenset[int] = frozenset()
    earlier: Mapping[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    committed: Mapping[str, int] = field(default_factory=dict[str, int])
    leftovers: Leftovers | None = None
    order_bound: int | None = None
    ticks: Sequence[tuple[str, str]] = ()

    def steps(self, *what: str) -> dict[str, list[Effect]]:
        """Return the lines of these kinds by job, in the order of time."""
        found: dict[str, list[Effect]] = {}
        for effect in sorted(self.effects, key=lambda effect: effect.at):
            if effect.what in what:
                found.setdefault(effect.job_id, []).append(effect)
        return found

    def repeats(self) -> Iterator[tuple[Effect, Effect]]:
        """Yield each run that follows another one of its job, failures apart: (before, again)."""
        failed = {(e.job_id, e.attempt, e.process) for e in self.effects if e.what == "failed"}
        for starts in self.steps("start").values():
            for before, again in pairwise(starts):
                if (before.job_id, before.attempt, before.process) not in failed:
                    yield before, again

    def extra(self) -> int:
        """Return how many runs there were beyond those that were asked for."""
        return sum(1 for _ in self.repeats())
