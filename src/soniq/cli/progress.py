"""How far a command has got that may take a while: a line on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import typer

EVERY = 0.2


class Progress:
    """Counts aloud: ``with Progress("Replayed") as told: told(200)``.

    ``done``: the number that was told last.
    """

    def __init__(self, verb: str) -> None:
        self.done = 0
        self._verb = verb
        self._shown_at = time.monotonic()
        self._shows = sys.stderr.isatty()
        self._has_shown = False

    def __call__(self, done: int) -> None:
        """Take note of the number so far."""
        self.done = done
        if self._shows and time.monotonic() >= self._shown_at + EVERY:
            self._shown_at = time.monotonic()
            self._has_shown = True
            typer.echo(f"\r{self._verb} {done:,} so far …", nl=False, err=True)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave an empty line behind, for what is said next."""
        if self._has_shown:
            typer.echo("\r\x1b[K", nl=False, err=True)
