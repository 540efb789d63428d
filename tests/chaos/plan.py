"""What will happen in a run, all of it from one seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

# The places that every worker passes again and again.
POINTS = (
    "claim.before_commit",
    "claim.committed",
    "handler.before",
    "handler.after",
    "settle.before_commit",
    "settle.committed",
    "rescue.between_rows",
)


@dataclass(frozen=True, slots=True)
class Step:
    """A kill: after so many seconds the victim, by its place among those that live.

    ``crash``: the crash point of the worker that takes its place.
    """

    after: float
    victim: float
    crash: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that decides about a run.

    ``pause``: seconds between kills, on average. ``patience``: seconds for the last jobs to end.
    """

    name: str
    backend: str
    seed: int
    jobs: int
    kills: int = 0
    workers: int = 4
    concurrency: int = 10
    pause: float = 0.12
    job_seconds: float = 0.02
    patience: float = 180.0
    sabotage: tuple[str, ...] = ()

    def steps(self) -> Iterator[Step]:
        """Yield kills without end."""
        chance = random.Random(self.seed)
        while True:
            armed = chance.random() < 0.3
            crash = f"{chance.choice(POINTS)}:{chance.randint(1, 40)}" if armed else None
            yield Step(chance.uniform(0, 2 * self.pause), chance.random(), crash)

    def durations(self, first: int, count: int) -> list[float]:
        """Return how long the jobs from number ``first`` on take, each by its own number."""
        chances = (random.Random(self.seed * 1_000_003 + first + n) for n in range(count))
        return [round(chance.uniform(0, 2 * self.job_seconds), 4) for chance in chances]

    def replay(self) -> str:
        """Return the command that does it again."""
        words = [
            f"uv run python -m tests.chaos.run --plan {self.name} --backend {self.backend}",
            f"--seed {self.seed} --jobs {self.jobs} --kills {self.kills}",
            f"--workers {self.workers} --concurrency {self.concurrency}",
            f"--pause {self.pause:g} --job-seconds {self.job_seconds:g}",
        ]
        return " ".join([*words, *(f"--sabotage {guard}" for guard in self.sabotage)])
