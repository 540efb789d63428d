"""A single ``enqueue`` on SQLite is written in the caller's own thread, unless that is slow."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from soniq import Soniq
from soniq.backends.sqlite import SqliteBackend
from soniq.backends.sqlite.connection import Database
from soniq.backends.sqlite.quickness import FIRST_REST, LONGEST_REST, QUICK, Quickness
from soniq.backends.sqlite.turns import ALONE_FOR, ONE_IN
from soniq.errors import DatabaseError, DatabaseUnreachable, SchemaNotReady

REMEMBER = Quickness.note


@pytest.fixture
async def app(sqlite_path: Path) -> AsyncIterator[Soniq]:
    """Open an app with a task on a new file."""
    app = Soniq(database_url=f"sqlite:///{sqlite_path}")

    @app.job(name="nothing")
    async def nothing() -> None:
        pass

    await app.ensure_initialized()
    yield app
    await app.close()


@pytest.fixture
async def database(sqlite_path: Path) -> AsyncIterator[Database]:
    """Open a handle to a new file with a table."""
    database = Database(sqlite_path)
    await database.open()
    await database.write(lambda connection: connection.execute("CREATE TABLE t (n UNIQUE)"))
    yield database
    await database.close()


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every write be a quick one, however busy this machine is."""
    monkeypatch.setattr(Quickness, "note", lambda quickness, _, now: REMEMBER(quickness, 0.0, now))


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no write be a quick one."""
    monkeypatch.setattr(Quickness, "note", lambda quickness, _, now: REMEMBER(quickness, 1.0, now))


@pytest.fixture
def locked(sqlite_path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of the file, as another process would."""
    with closing(sqlite3.connect(sqlite_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def put(connection: sqlite3.Connection) -> int:
    """Write a row; return the thread that this happens in."""
    connection.execute("INSERT INTO t VALUES (1)")
    return threading.get_ident()


def nothing(_: sqlite3.Connection) -> int:
    """Write nothing; return the thread that this happens in."""
    return threading.get_ident()


async def rows(database: Database) -> int:
    """Return how many rows there are."""
    (count,) = await database.read(lambda own: own.execute("SELECT count(*) FROM t").fetchone())
    return int(count)


@pytest.mark.usefixtures("quick_disk")
async def test_it_is_written_where_it_is_asked_for(database: Database) -> None:
    """No other thread has to be woken, and the row is durable all the same."""
    assert await database.write_briefly(put) == threading.get_ident()
    assert await rows(database) == 1


@pytest.mark.usefixtures("quick_disk")
async def test_who_writes_much_uses_the_thread(database: Database) -> None:
    """What is not brief must not stop the event loop."""
    assert await database.write(put) != threading.get_ident()


@pytest.mark.usefixtures("slow_disk")
async def test_a_slow_disk_stops_nobody(database: Database) -> None:
    """After a few slow writes the thread does it."""
    here = [await database.write_briefly(nothing) == threading.get_ident() for _ in range(9)]
    assert here == sorted(here, reverse=True)
    assert 0 < here.count(True) < 9


async def test_a_lock_is_waited_for_in_the_thread(
    database: Database, locked: sqlite3.Connection
) -> None:
    """The event loop goes on while another process writes, and nothing is lost."""
    writing = asyncio.create_task(database.write_briefly(put))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not writing.done()
    locked.execute("ROLLBACK")
    assert await writing != threading.get_ident()
    assert await rows(database) == 1


@pytest.mark.usefixtures("quick_disk")
async def test_a_busy_thread_is_not_waited_for(database: Database) -> None:
    """While the thread has the connection, brief writes stand in line behind it."""
    gate, begun = threading.Event(), threading.Event()

    def slowly(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO t VALUES (0)")
        begun.set()
        assert gate.wait(30)

    slow = asyncio.create_task(database.write(slowly))
    await asyncio.to_thread(begun.wait, 30)
    brief = asyncio.create_task(database.write_briefly(put))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not brief.done()
    gate.set()
    await slow
    assert await brief != threading.get_ident()
    assert await rows(database) == 2


@pytest.mark.usefixtures("quick_disk")
async def test_what_fails_leaves_nothing_behind(database: Database) -> None:
    """Errors come back as they are, or in Soniq's words; the next write works."""
    await database.write_briefly(put)
    with pytest.raises(sqlite3.IntegrityError):
        await database.write_briefly(put)
    with pytest.raises(SchemaNotReady, match="soniq setup"):
        await database.write_briefly(lambda own: own.execute("DELETE FROM soniq_nothing"))
    assert await database.write_briefly(nothing) == threading.get_ident()
    assert await rows(database) == 1


@pytest.mark.usefixtures("quick_disk")
async def test_a_file_that_was_replaced_is_refused(database: Database) -> None:
    """Nothing is written into a file that nobody can see any more."""
    database.path.unlink()
    with pytest.raises(DatabaseUnreachable, match="deleted or replaced"):
        await database.write_briefly(put)


async def test_a_closed_handle_is_refused(database: Database) -> None:
    """As it is for every other call, also if it was closed on the way."""
    writing = asyncio.create_task(database.write_briefly(put))
    await database.close()
    await asyncio.gather(writing, return_exceptions=True)
    with pytest.raises(DatabaseError, match="closed"):
        await database.write_briefly(put)


@pytest.mark.usefixtures("quick_disk")
async def test_who_is_cancelled_in_time_writes_nothing(database: Database) -> None:
    """Before it has begun, there is nothing to be undone."""
    writing = asyncio.create_task(database.write_briefly(put))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await rows(database) == 0


@pytest.mark.usefixtures("quick_disk")
async def test_concurrent_calls_still_share_commits(app: Soniq) -> None:
    """Who comes while a job is on its way joins the next commit, with all others."""
    statements: list[str] = []
    backend = app.backend
    assert isinstance(backend, SqliteBackend)
    connection = backend._database._connection
    assert connection is not None
    connection.set_trace_callback(statements.append)
    await asyncio.gather(*(app.enqueue("nothing") for _ in range(50)))
    assert len(await app.list_jobs()) == 50
    assert sum(text.startswith("INSERT") for text in statements) < 15


@pytest.mark.usefixtures("quick_disk")
async def test_a_loop_of_calls_lets_others_run(app: Soniq) -> None:
    """Whoever enqueues without pause takes turns with the rest of the program."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    for _ in range(100):
        await app.enqueue("nothing")
    running.cancel()
    assert turns >= ALONE_FOR + (100 - ALONE_FOR) // ONE_IN


def slow_writes_until_a_rest(quickness: Quickness, now: float) -> int:
    """Make slow writes until the next one is left to the thread; return how many it took."""
    for number in range(1, 100):
        quickness.note(10 * QUICK, now)
        if not quickness.is_quick(now):
            return number
    raise AssertionError


def test_a_single_slow_write_changes_nothing() -> None:
    """A checkpoint makes one commit of some hundreds slow on any disk."""
    quickness = Quickness()
    for moment in range(10):
        quickness.note(1000 * QUICK, moment)
        assert quickness.is_quick(moment)
        for _ in range(30):
            quickness.note(QUICK / 2, moment)


def test_each_slow_try_doubles_the_rest() -> None:
    """Up to about a minute; a quick one ends it."""
    quickness, now = Quickness(), 0.0
    assert slow_writes_until_a_rest(quickness, now) == 4
    rests = []
    for _ in range(9):
        rest = next(n for n in range(1, 1000) if quickness.is_quick(now + n))
        assert not quickness.is_quick(now + rest - 0.001)
        rests.append(rest)
        now += rest
        assert slow_writes_until_a_rest(quickness, now) == 1
    assert rests == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert (rests[0], rests[-1]) == (FIRST_REST, LONGEST_REST)
    now += LONGEST_REST
    quickness.note(QUICK / 2, now)
    assert quickness.is_quick(now)
    assert slow_writes_until_a_rest(quickness, now) <= 2
    assert quickness.is_quick(now + FIRST_REST)
