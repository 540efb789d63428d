"""How far the demo has got: a bar on a terminal, a line a second elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol, Self

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from soniq.app import Soniq
from soniq.cli import render
from soniq.events import JobSettled

LINE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Tally:
    """What this process has settled so far, by kind of outcome."""

    counts: Counter[str] = field(default_factory=Counter[str])

    @classmethod
    def of(cls, app: Soniq) -> Tally:
        """Return a tally that counts what the app's worker settles from now on."""
        tally = cls()
        app.events.on(JobSettled, tally.hear)
        return tally

    def hear(self, event: JobSettled) -> None:
        """Count one outcome."""
        self.counts[type(event.outcome).__name__.lower()] += 1

    @property
    def settled(self) -> int:
        """The number of jobs that came to their end here."""
        return self.counts["complete"] + self.counts["bury"]

    def describe(self, seconds: float) -> str:
        """Return rate and mishaps, such as ``412 jobs/s, 30 retried, 2 dead``."""
        rate = self.settled / seconds if seconds > 0 else 0
        return f"{rate:,.0f} jobs/s, {self.counts['retry']} retried, {self.counts['bury']} dead"


class Progress(Protocol):
    """Something that shows how many jobs are left, between ``with`` and its end."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """Leave the screen in order."""
        ...

    def update(self, remaining: int) -> None:
        """Show that so many jobs are left."""
        ...

    def note(self, text: str) -> None:
        """Say something in between."""
        ...


def start_progress(total: int, tally: Tally) -> Progress:
    """Return what fits stderr: a bar for a terminal, lines for anything else."""
    return Bar(total, tally) if sys.stderr.isatty() else Lines(total, tally)


class Lines:
    """A line when something has changed, at most one a second."""

    def __init__(self, total: int, tally: Tally) -> None:
        self._total = total
        self._tally = tally
        self._started = time.monotonic()
        self._printed = 0.0
        self._last = ""

    def __enter__(self) -> Self:
        """Start the clock."""
        self._started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: every line stands by itself."""

    def update(self, remaining: int) -> None:
        """Print how many jobs have ended, if it is time to."""
        now = time.monotonic()
        if remaining and now - self._printed < LINE_SECONDS:
            return
        self._printed = now
        ended = max(self._total - remaining, 0)
        self.note(f"{ended:,} of {self._total:,} jobs, {self._tally.describe(now - self._started)}")

    def note(self, text: str) -> None:
        """Print a line, unless it is the same as the last one."""
        if text != self._last:
            render.remark(text)
            self._last = text


class Bar:
    """A progress bar on stderr."""

    def __init__(self, total: int, tally: Tally) -> None:
        self._tally = tally
        self._total = total
        self._rich = RichProgress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=render.console(stderr=True),
        )
        self._task = self._rich.add_task("", total=total)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._rich.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it is."""
        self._rich.stop()

    def update(self, remaining: int) -> None:
        """Move the bar."""
        seconds = self._rich.tasks[0].elapsed or 0.0
        self._rich.update(
            self._task,
            completed=max(self._total - remaining, 0),
            description=self._tally.describe(seconds),
        )

    def note(self, text: str) -> None:
        """Say something in the place of rate and mishaps."""
        self._rich.update(self._task, description=text)
