"""The windows of the overview's chart, and the sums that stand beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soniq.figures import Bin


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time up to now, cut into steps; both in seconds."""

    name: str
    words: str
    seconds: float
    step: float


WINDOWS = (
    Window("1h", "hour", 3600.0, 60.0),
    Window("24h", "24 hours", 86_400.0, 600.0),
    Window("7d", "7 days", 7 * 86_400.0, 3600.0),
)


def window_of(name: str | None) -> Window:
    """Return the window of that name, the shortest for any other."""
    return next((window for window in WINDOWS if window.name == name), WINDOWS[0])


def busy(series: Sequence[Bin]) -> list[Bin]:
    """Return the steps in which something has ended, the latest first."""
    return [one for one in reversed(series) if one.figures.completed or one.figures.failed]
