"""An environment for each peer, made in a temporary folder once per run and thrown away with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.systems import System

REASON = 120


class Unavailable(Exception):
    """A system can't be run here; the message says why."""


class Environments:
    """The Python that each system is run by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], Path | Unavailable] = {}

    def python(self, system: System) -> str:
        """Return the interpreter of a system, after installing it if need be.

        Raises:
            Unavailable: it could not be installed.
        """
        if not system.needs:
            return sys.executable
        if system.needs not in self._made:
            self._made[system.needs] = self._make(system)
        made = self._made[system.needs]
        if isinstance(made, Unavailable):
            raise made
        return str(made)

    def _make(self, system: System) -> Path | Unavailable:
        folder = self._folder / f"env-{len(self._made)}"
        python = folder / "bin" / "python"
        steps = (
            [
                "uv",
                "venv",
                "-q",
                "--no-python-downloads",
                "--python",
                system.python or sys.executable,
                str(folder),
            ],
            ["uv", "pip", "install", "-q", "--python", str(python), *system.needs],
        )
        for step in steps:
            answer = subprocess.run(step, capture_output=True, text=True, check=False)
            if answer.returncode:
                if step is steps[0] and system.python:
                    return Unavailable(f"no Python {system.python} on this machine")
                told = " ".join(answer.stderr.split())[:REASON] or "uv said nothing"
                return Unavailable(f"not installed: {told}")
        return python
