"""An environment for each peer, made in a temporary folder once per run and thrown away with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.systems import System

REASON = 120


class Unavailable(Exception):
    """A system can't be run here; the message says why."""


class Environments:
    """What each system is run by."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], list[str] | Unavailable] = {}

    def program(self, system: System, module: str | None = None) -> list[str]:
        """Return how an adapter is started, or another module where the adapter would be.

        What the system needs is installed before, if need be.

        Raises:
            Unavailable: it could not be installed.
        """
        if not system.needs:
            return [sys.executable, "-m", module or system.module]
        if system.needs not in self._made:
            folder = self._folder / f"env-{len(self._made)}"
            make = by_npm if system.node else by_uv
            try:
                self._made[system.needs] = make(system, folder)
            except Unavailable as problem:
                self._made[system.needs] = problem
        made = self._made[system.needs]
        if isinstance(made, Unavailable):
            raise made
        return made if system.node else [*made, "-m", module or system.module]


def by_uv(system: System, folder: Path) -> list[str]:
    """Make an environment for Python, and return its interpreter.

    Raises:
        Unavailable: there is no such Python, or the packages can't be had.
    """
    python = folder / "bin" / "python"
    venv = ["uv", "venv", "-q", "--no-python-downloads"]
    made = done([*venv, "--python", system.python or sys.executable, str(folder)])
    if made and system.python:
        message = f"no Python {system.python} on this machine"
        raise Unavailable(message)
    need(made or done(["uv", "pip", "install", "-q", "--python", str(python), *system.needs]))
    return [str(python)]


def by_npm(system: System, folder: Path) -> list[str]:
    """Install packages for Node beside a copy of the adapter, and return how that is started.

    Raises:
        Unavailable: there is no npm, or the packages can't be had.
    """
    if shutil.which("npm") is None:
        message = "no npm"
        raise Unavailable(message)
    folder.mkdir()
    packages = [package.replace("==", "@") for package in system.needs]
    quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
    need(done(["npm", "install", "--prefix", str(folder), *quiet, *packages]))
    adapter = shutil.copy(Path(__file__).parent / "peers" / f"{system.adapter}.mjs", folder)
    return ["node", str(adapter)]


def done(step: list[str]) -> str | None:
    """Run a program; return what it said if it failed."""
    answer = subprocess.run(step, capture_output=True, text=True, check=False)
    if not answer.returncode:
        return None
    return " ".join(answer.stderr.split())[:REASON] or f"{step[0]} said nothing"


def need(failure: str | None) -> None:
    """Refuse to go on after a failure.

    Raises:
        Unavailable: there was one.
    """
    if failure:
        message = f"not installed: {failure}"
        raise Unavailable(message)
