"""Real worker processes on a real database."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from soniq import Soniq

SONIQ = Path(sys.executable).with_name("soniq")
ROOT = Path(__file__).parents[2]
APP = "tests.system.jobs_app:app"


def children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the workers that a supervisor has at the moment."""
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


async def ended(process: subprocess.Popen[bytes], within: float) -> int:
    """Return the exit code of a process that must end within so many seconds."""
    return await asyncio.to_thread(process.wait, within)


@dataclass
class Fleet:
    """Starts ``soniq worker`` processes and leaves none behind."""

    environment: dict[str, str]
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def effects(self) -> Path:
        """The file to which every run of a job adds a line."""
        return Path(self.environment["EFFECTS"])

    def lines(self) -> list[str]:
        """Return what has happened so far."""
        return self.effects.read_text().splitlines() if self.effects.exists() else []

    def start(
        self,
        *options: str,
        command: str = "worker",
        target: str = APP,
        apart: bool = False,
        **settings: str,
    ) -> subprocess.Popen[bytes]:
        """Start one worker or ``soniq scheduler``; its talk goes to a file of its own.

        ``apart``: in a process group of its own, as a terminal would.
        """
        log = self.folder / f"worker-{len(self.processes)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [SONIQ, command, target, *options],
                cwd=ROOT,
                env=self.environment | settings,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                process_group=0 if apart else None,
            )
        self.processes.append(process)
        return process

    def log(self, number: int) -> str:
        """Return what a worker has said."""
        return (self.folder / f"worker-{number}.log").read_text()

    def end(self) -> None:
        """Kill what still runs, the workers of supervisors, too."""
        for process in self.processes:
            for worker in children(process):
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture(params=["sqlite", "postgres"])
def system_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a database that processes can share."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path}/jobs.db"


@pytest.fixture
def fleet(system_url: str, tmp_path: Path) -> Iterator[Fleet]:
    """Workers on this test's database."""
    environment = os.environ | {
        "SONIQ_DATABASE_URL": system_url,
        "EFFECTS": str(tmp_path / "effects"),
        "PYTHONPATH": str(ROOT),
    }
    fleet = Fleet(environment, tmp_path)
    yield fleet
    fleet.end()


@pytest.fixture
async def producer(system_url: str) -> AsyncIterator[Soniq]:
    """Make an app that enqueues by name and looks at the outcome."""
    app = Soniq(database_url=system_url, enqueue_validation="none")
    yield app
    await app.close()
