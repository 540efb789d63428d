"""The PostgreSQL that is measured: durable, started for one run or given by its URL."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from tools.embedded import start_embedded, stop_embedded

# Everything that keeps a commit is on, and said, although it is the default.
DURABLE = """
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 256MB
max_connections = 500
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
"""
TOLD = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "wal_sync_method",
    "shared_buffers",
    "max_connections",
    "max_wal_size",
    "checkpoint_timeout",
    "autovacuum",
    "io_method",
)


class Server:
    """A running server, looked at through a connection that is none of the measured ones."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}

    # --- statements -------------------------------------------------------------------------------

    def execute(self, statement: str, url: str | None = None) -> None:
        """Run statements outside of any transaction, on the database of the URL."""
        connection = self._runner.run(self._connection(url or self.url))
        self._runner.run(connection.execute(statement))

    def value(self, query: str, url: str | None = None) -> Any:
        """Return the value of a query."""
        connection = self._runner.run(self._connection(url or self.url))
        return self._runner.run(connection.fetchval(query))

    async def _connection(self, url: str) -> asyncpg.Connection[asyncpg.Record]:
        if url not in self._connections:
            self._connections[url] = await asyncpg.connect(url)
        return self._connections[url]

    def hang_up(self, url: str) -> None:
        """Close the connection to a database, as one that is to be cloned or dropped needs it."""
        if connection := self._connections.pop(url, None):
            self._runner.run(connection.close())

    def close(self) -> None:
        """Disconnect."""
        for url in list(self._connections):
            self.hang_up(url)
        self._runner.close()

    # --- databases --------------------------------------------------------------------------------

    def url_of(self, database: str) -> str:
        """Return the URL of a database of this server."""
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def create(self, template: str | None = None) -> str:
        """Create a database, empty or as a clone, and return its name."""
        name = f"bench_{uuid4().hex[:12]}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or "template0"}"')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self.hang_up(self.url_of(name))
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    # --- what it tells ----------------------------------------------------------------------------

    def postmaster(self) -> int | None:
        """Return the process that all backends are children of; None if it is on another host."""
        backend = self.value("SELECT pg_backend_pid()")
        try:
            stat = Path(f"/proc/{backend}/stat").read_text(encoding="utf-8")
        except OSError:
            return None
        name, _, rest = stat.rpartition(")")
        return int(rest.split()[1]) if "postgres" in name else None

    def wal(self) -> int:
        """Return how many bytes of WAL were ever written."""
        return int(self.value("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))

    def transactions(self, url: str) -> int:
        """Return how many transactions ended in a database, as far as its sessions have told."""
        query = (
            "SELECT xact_commit + xact_rollback FROM pg_stat_database "
            "WHERE datname = current_database()"
        )
        return int(self.value(query, url))

    def facts(self) -> dict[str, str]:
        """Return the settings that a reader of figures wants to know."""
        return {name: str(self.value(f"SELECT current_setting('{name}', true)")) for name in TOLD}


@contextmanager
def running_server(url: str | None, folder: Path | None = None) -> Generator[Server]:
    """Give the server of the URL, or one of the wheel that is thrown away afterwards."""
    if url is not None:
        server = Server(url)
        try:
            yield server
        finally:
            server.close()
        return
    made = Path(tempfile.mkdtemp(prefix="soniq-bench-", dir=folder))
    try:
        port = start_embedded(made, DURABLE)
        server = Server(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        try:
            yield server
        finally:
            server.close()
    finally:
        if (made / "data" / "postmaster.pid").exists():
            stop_embedded(made)
        shutil.rmtree(made, ignore_errors=True)
