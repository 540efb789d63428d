"""How long to wait before the next attempt. Pure arithmetic; chance is passed in."""

from __future__ import annotations

from dataclasses import dataclass

# Ten years, in seconds: no delay may lead out of what a database can date.
LONGEST_DELAY = 10 * 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The delays between the attempts of a task, in seconds.

    ``delays``: one item for every retry, the last one repeated; a scalar is a list of one.
    ``backoff`` doubles the delay with every retry, 0 counting as 1. ``max_delay`` caps it.
    ``jitter`` (0 to 1) spreads it by that share to both sides, after the cap: capped delays would
    otherwise all land on the same second.
    """

    delays: tuple[float, ...] = (0.0,)
    backoff: bool = False
    max_delay: float | None = None
    jitter: float = 0.0

    def delay(self, retry: int, chance: float = 0.5) -> float:
        """Return the seconds to wait before retry number ``retry`` (from 1).

        ``chance`` from [0, 1) places the result within the jitter; 0.5 is its middle.
        """
        seconds = self.delays[min(retry, len(self.delays)) - 1]
        if self.backoff:
            # 2**60 s is past any cap; the bound keeps the float finite at attempt 10**6.
            seconds = (seconds or 1.0) * 2.0 ** min(retry - 1, 60)
        if self.max_delay is not None:
            seconds = min(seconds, self.max_delay)
        seconds *= 1 + self.jitter * (2 * chance - 1)
        return min(seconds, LONGEST_DELAY)
