"""A PostgreSQL of a test's own, which it may stop in any way and start again on the same port."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from soniq import settings
from soniq.backends import connect
from soniq.clock import SystemClock
from tests.support.postgres import PREFIX, execute, run_apart
from tools.embedded import control, embedded, start_embedded, stop_embedded

# What is committed has to survive an immediate stop: nothing is traded for speed here.
DURABLE = (
    "listen_addresses = '127.0.0.1'\n"
    "unix_socket_directories = ''\n"
    "max_connections = 100\n"
    "shared_buffers = 64MB\n"
)
PG_CTL_SECONDS = "30"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server; ``url`` is that of a migrated database on it."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Return the URL of the database, for the superuser."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/soniq"

    def execute(self, statement: str) -> None:
        """Run a statement as the superuser."""
        run_apart(lambda: execute(self.url, statement))

    def stop(self, mode: Literal["fast", "immediate"]) -> None:
        """Stop the server: break all connections in an orderly way, or as if it had crashed."""
        self._control("-m", mode, "stop")

    def start(self) -> None:
        """Return when the server accepts connections again; after a crash it recovers first."""
        log, port = self.folder / "data" / "log", f"-p {self.port}"
        self._control("-l", str(log), "-o", port, "start")

    def _control(self, *arguments: str) -> None:
        control(embedded(self.folder / "data"), "-t", PG_CTL_SECONDS, *arguments)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Make a cluster with a migrated database; stop it and throw it away afterwards."""
    # Named as the folders of a run are, so that the next run clears up after one that was killed.
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    try:
        cluster = Cluster(folder, start_embedded(folder, DURABLE))
        backend = connect(settings.load(database_url=cluster.url), SystemClock())
        run_apart(backend.setup)
        yield cluster
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            stop_embedded(folder)
        shutil.rmtree(folder)
