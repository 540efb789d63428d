"""Fixtures for all tests: databases, a frozen clock, and every backend in turn."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from soniq import settings
from soniq.backends import connect
from soniq.backends.contract import Backend
from soniq.clock import Clock, SystemClock
from tests.support.clock import FrozenClock
from tests.support.leaks import leaked_tasks, leaked_threads
from tests.support.places import place_for
from tests.support.postgres import Databases, Server, begin_run, end_run, shared_server

if TYPE_CHECKING:
    from soniq import Soniq

KINDS = ("memory", "sqlite", "postgres")
RUN_FOLDER = pytest.StashKey[Path]()
WORKER_INPUT = "soniq_run_folder"
MakeApp = Callable[..., "Soniq"]


# --- one run --------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Give the run a folder; worker processes are told which."""
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    if given:
        config.stash[RUN_FOLDER] = Path(given[WORKER_INPUT])
        return
    place = place_for(config.args)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(place))  # where pytest makes tmp_path
    folder = config.stash[RUN_FOLDER] = begin_run(place)
    if sys.dont_write_bytecode:
        # Hundreds of processes would compile the same modules: let them share what they compile.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker process the folder of the run."""
    node.workerinput[WORKER_INPUT] = str(node.config.stash[RUN_FOLDER])


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the run has started, once, after all workers have ended."""
    if not hasattr(config, "workerinput") and RUN_FOLDER in config.stash:
        end_run(config.stash[RUN_FOLDER])


# --- every test -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own ``SONIQ_*`` variables."""
    for name in os.environ:
        if name.startswith("SONIQ_") and not name.startswith("SONIQ_TEST_"):
            monkeypatch.delenv(name)


@pytest.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fail a test that leaves asyncio tasks behind."""
    yield
    assert await leaked_tasks() == []


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves threads or asyncio tasks behind."""
    before = threading.enumerate()
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("no_leaked_tasks")
    yield
    assert leaked_threads(before) == []


# --- databases ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> Server:
    """A running PostgreSQL; where there is none, tests fail."""
    return shared_server(request.config.stash[RUN_FOLDER])


@pytest.fixture(scope="session")
def databases(postgres_server: Server) -> Iterator[Databases]:
    """Empty databases for the tests of this process."""
    made = Databases(postgres_server)
    yield made
    made.drop()


@pytest.fixture
def postgres_url(postgres_server: Server, databases: Databases) -> Iterator[str]:
    """The URL of an empty, migrated database that only this test uses."""
    name = databases.take()
    yield postgres_server.url_of(name)
    databases.give_back(name)


@pytest.fixture
def fresh_postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of a database that does not exist; if the test creates it, it is dropped."""
    name = postgres_server.new_name()
    yield postgres_server.url_of(name)
    postgres_server.drop(name)


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """The path of an SQLite file that does not exist yet."""
    return tmp_path / "jobs.db"


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still until the test moves it."""
    return FrozenClock()


# --- every backend in turn ------------------------------------------------------------------------


@pytest.fixture(params=KINDS)
def backend_kind(request: pytest.FixtureRequest) -> str:
    """``memory``, ``sqlite`` and ``postgres``: a test that asks for it runs three times."""
    kind: str = request.param
    return kind


@pytest.fixture
def database_url(backend_kind: str, request: pytest.FixtureRequest) -> str | None:
    """The URL of this test's database; None for memory."""
    if backend_kind == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return url
    if backend_kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_path')}"
    return None


@pytest.fixture
def make_backend(backend_kind: str, database_url: str | None) -> Callable[[Clock], Backend]:
    """Make unopened backends for this test's database: ``make_backend(clock)``."""
    if database_url is None:
        from soniq.backends.memory import MemoryBackend  # noqa: PLC0415 - only where it is meant
        from soniq.backends.memory.tables import Tables  # noqa: PLC0415

        tables = Tables()
        return lambda clock: MemoryBackend(clock, tables)

    def make(clock: Clock) -> Backend:
        return connect(settings.load(database_url=database_url, backend=backend_kind), clock)

    return make


@pytest.fixture
async def backend(
    make_backend: Callable[[Clock], Backend], clock: FrozenClock
) -> AsyncIterator[Backend]:
    """An open, empty backend of each kind whose time is that of ``clock``."""
    opened = make_backend(clock)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def make_app(make_backend: Callable[[Clock], Backend]) -> AsyncIterator[MakeApp]:
    """Make apps on this test's database: ``make_app(clock=None, **settings)``, in real time."""
    from soniq import Soniq  # noqa: PLC0415 - tests of small parts do without the whole

    apps: list[Soniq] = []

    def make(clock: Clock | None = None, **given: Any) -> Soniq:
        clock = clock or SystemClock()
        app = Soniq(backend=make_backend(clock), clock=clock, **given)
        apps.append(app)
        return app

    yield make
    for app in apps:
        await app.close()


@pytest.fixture
def app(make_app: MakeApp, clock: FrozenClock) -> Soniq:
    """An app on each kind of backend whose time is that of ``clock``; it opens itself."""
    return make_app(clock)
