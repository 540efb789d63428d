"""The file below the SQLite backend: where it may be, who may use it, and how many at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from soniq.backends.sqlite import SqliteBackend
from soniq.backends.sqlite.files import check_place, filesystem
from soniq.clock import SystemClock
from soniq.errors import DatabaseError, DatabaseUnreachable, SchemaNotReady
from tests.support import FrozenClock
from tests.support.store import WORKER, claim, insert, new_job

MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
server:/export /mnt/share nfs4 rw,vers=4.2 0 0
/dev/vdb /mnt/share/local xfs rw 0 0
//server/files /mnt/two\\040words cifs rw 0 0
/dev/vdc /mnt/hidden ext4 rw 0 0
host:/home /mnt/hidden fuse.sshfs rw 0 0
damaged
"""


@pytest.fixture
async def file_backend(sqlite_path: Path, clock: FrozenClock) -> AsyncIterator[SqliteBackend]:
    """Open a backend on a new file."""
    backend = SqliteBackend(sqlite_path, clock)
    await backend.open()
    yield backend
    await backend.close()


SHOPPING = "milk\n" * 1000


@pytest.fixture
def shopping_list(sqlite_path: Path) -> Path:
    """Write a file that is no database."""
    sqlite_path.write_text(SHOPPING)
    return sqlite_path


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder."""
    return list(folder.iterdir())


def contents(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text()


def remove(path: Path) -> None:
    """Delete a file."""
    path.unlink()


# --- where a file may be --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/jobs.db", "ext4"),
        ("/mnt/share/jobs.db", "nfs4"),
        ("/mnt/shared/jobs.db", "ext4"),
        ("/mnt/share/local/jobs.db", "xfs"),
        ("/mnt/two words/jobs.db", "cifs"),
        ("/mnt/hidden/jobs.db", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str) -> None:
    """The longest mount point above a path tells its file system, and of two the later one."""
    assert filesystem(Path(path), MOUNTS) == kind


def test_no_list_of_mounts() -> None:
    """Where the system has no list of mounts, nothing is claimed."""
    assert filesystem(Path("/jobs.db"), "") is None


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    """Files on a network are refused with the type of the file system and two cures."""
    mounts = f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path} {kind} rw 0 0\n"
    with pytest.raises(DatabaseUnreachable, match=rf"network file system \({kind}\).*PostgreSQL"):
        check_place(tmp_path / "jobs.db", mounts)


def test_a_local_file_system_is_accepted(tmp_path: Path) -> None:
    """Local disks pass, also below a network mount."""
    check_place(tmp_path / "jobs.db", f"server:/x / nfs rw 0 0\n/dev/vdb {tmp_path} ext4 rw 0 0\n")


async def test_the_directory_is_missing(tmp_path: Path, clock: FrozenClock) -> None:
    """A missing directory is named, not made."""
    backend = SqliteBackend(tmp_path / "nowhere" / "jobs.db", clock)
    with pytest.raises(DatabaseUnreachable, match=r"nowhere does not exist.*Create it"):
        await backend.open()
    assert entries(tmp_path) == []


async def test_the_path_is_a_directory(tmp_path: Path, clock: FrozenClock) -> None:
    """A directory is no file."""
    with pytest.raises(DatabaseUnreachable, match="is a directory"):
        await SqliteBackend(tmp_path, clock).open()


def test_no_right_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the right to write, the message says so (root may always write, hence the patch)."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DatabaseUnreachable, match="may not write there"):
        check_place(tmp_path / "jobs.db", "")


async def test_a_place_where_nobody_can_write(clock: FrozenClock) -> None:
    """What only SQLite finds out (here: no files in /proc) ends in the same kind of error."""
    with pytest.raises(DatabaseUnreachable, match=r"/proc/jobs\.db"):
        await SqliteBackend(Path("/proc/jobs.db"), clock).open()


async def test_the_file_is_no_database(shopping_list: Path, clock: FrozenClock) -> None:
    """Some other file is refused and left as it is, and no thread stays behind."""
    with pytest.raises(DatabaseUnreachable, match="no SQLite database"):
        await SqliteBackend(shopping_list, clock).open()
    assert contents(shopping_list) == SHOPPING


# --- what may happen to an open file --------------------------------------------------------------


async def test_the_file_is_deleted_while_open(
    file_backend: SqliteBackend, clock: FrozenClock
) -> None:
    """A job is never written into a file that nobody can find any more."""
    remove(file_backend.path)
    with pytest.raises(DatabaseUnreachable, match="deleted or replaced"):
        await insert(file_backend, new_job(clock))


async def test_tables_are_dropped_while_open(
    file_backend: SqliteBackend, clock: FrozenClock
) -> None:
    """Missing tables are called that, with the cure."""
    with sqlite3.connect(file_backend.path) as other:
        other.execute("DROP TABLE soniq_jobs")
    other.close()
    with pytest.raises(SchemaNotReady, match="soniq setup"):
        await insert(file_backend, new_job(clock))


async def test_a_closed_handle_says_so(sqlite_path: Path, clock: FrozenClock) -> None:
    """Before open and after close a handle refuses work."""
    backend = SqliteBackend(sqlite_path, clock)
    with pytest.raises(DatabaseError, match="Open it first"):
        await backend.jobs.find()
    await backend.open()
    await backend.close()
    with pytest.raises(DatabaseError, match="Open it first"):
        await insert(backend, new_job(clock))


async def test_pending_migrations_of_a_missing_file(sqlite_path: Path, clock: FrozenClock) -> None:
    """Asking for migrations does not make the file."""
    steps = await SqliteBackend(sqlite_path, clock).migrations()
    assert [step.applied_at for step in steps] == [None] * len(steps)
    assert steps
    assert entries(sqlite_path.parent) == []


async def test_the_file_is_safe_and_readable_by_hand(
    file_backend: SqliteBackend, clock: FrozenClock
) -> None:
    """WAL is on, and times are UTC text of fixed width."""
    await insert(file_backend, new_job(clock))
    other = sqlite3.connect(file_backend.path)
    (mode,) = other.execute("PRAGMA journal_mode").fetchone()
    (at,) = other.execute("SELECT scheduled_at FROM soniq_jobs").fetchone()
    other.close()
    assert mode == "wal"
    assert at == clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")


async def test_claims_walk_the_index(file_backend: SqliteBackend) -> None:
    """The plan of a claim is one range of the claim index, already in order."""
    from soniq.backends.sqlite.queries import sql  # noqa: PLC0415 - only this test looks inside

    plan = await file_backend._database.read(
        lambda connection: connection.execute(
            "EXPLAIN QUERY PLAN " + sql("jobs/claimable"),
            {"queue": "q", "priority": 1, "now": "x", "unknown": None, "limit": 1},
        ).fetchall()
    )
    steps = [step[3] for step in plan]
    assert "soniq_jobs_claim (queue=? AND priority=? AND scheduled_at<?)" in steps[0]
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in steps)


@pytest.mark.parametrize("verb", ["jobs/complete", "jobs/complete_again"])
async def test_completions_are_probes_of_the_primary_key(
    file_backend: SqliteBackend, verb: str
) -> None:
    """However many jobs the worker is running beside them."""
    from soniq.backends.sqlite.queries import sql  # noqa: PLC0415 - only this test looks inside

    plan = await file_backend._database.read(
        lambda connection: connection.execute(
            "EXPLAIN QUERY PLAN " + sql(verb), {"rows": "[]", "worker": "w", "now": "x"}
        ).fetchall()
    )
    assert "SEARCH soniq_jobs USING INDEX sqlite_autoindex_soniq_jobs_1 (id=?)" in {
        step[3] for step in plan
    }


async def test_rollups_are_a_range_of_the_primary_key(file_backend: SqliteBackend) -> None:
    """An hour is read without a look at the others."""
    from soniq.backends.sqlite.queries import sql  # noqa: PLC0415 - only this test looks inside

    wanted = {"since": "a", "until": "b", "queue": None, "job_name": None}
    plan = await file_backend._database.read(
        lambda connection: connection.execute(
            "EXPLAIN QUERY PLAN " + sql("stats/rollups"), wanted
        ).fetchall()
    )
    assert "SEARCH soniq_rollups USING PRIMARY KEY (minute>? AND minute<?)" in plan[0][3]


async def test_arrivals_are_a_range_of_the_ids(file_backend: SqliteBackend) -> None:
    """Two walks along primary keys that meet in one, and no sorting."""
    from soniq.backends.sqlite.queries import sql  # noqa: PLC0415 - only this test looks inside

    wanted = {"since": "a", "first": "b", "bound": 5}
    plan = await file_backend._database.read(
        lambda connection: connection.execute(
            "EXPLAIN QUERY PLAN " + sql("stats/arrivals"), wanted
        ).fetchall()
    )
    steps = [step[3] for step in plan]
    for table in ("soniq_jobs", "soniq_dead_letter_jobs"):
        assert f"SEARCH {table} USING INDEX sqlite_autoindex_{table}_1 (id>?)" in steps
    assert "MERGE (UNION ALL)" in steps


# --- several users of one handle ------------------------------------------------------------------


async def test_one_bad_write_of_a_group(file_backend: SqliteBackend, clock: FrozenClock) -> None:
    """Writes that share a transaction do not share their errors."""
    good = [new_job(clock) for _ in range(20)]
    bad = new_job(clock, args="{broken")
    answers = await asyncio.gather(
        *(file_backend.jobs.insert([job]) for job in (*good[:10], bad, *good[10:])),
        return_exceptions=True,
    )
    assert isinstance(answers.pop(10), sqlite3.IntegrityError)
    assert answers == [[job.id] for job in good]
    assert {job.id for job in await file_backend.jobs.find()} == {job.id for job in good}


async def test_cancelled_callers(file_backend: SqliteBackend, clock: FrozenClock) -> None:
    """Callers that give up leave a handle that works, and no half-written job."""
    calls = [asyncio.create_task(insert(file_backend, new_job(clock))) for _ in range(20)]
    await asyncio.sleep(0)
    for call in calls[::2]:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert len(await file_backend.jobs.find()) >= 10
    await insert(file_backend, new_job(clock))


async def test_a_lock_is_waited_for(file_backend: SqliteBackend, clock: FrozenClock) -> None:
    """A write waits while another connection holds the lock, and is then done."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        other = sqlite3.connect(file_backend.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        held.set()
        release.wait(10)
        other.execute("COMMIT")
        other.close()

    holder = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(held.wait, 10)
    write = asyncio.create_task(insert(file_backend, new_job(clock)))
    await asyncio.sleep(0)
    assert not write.done()
    release.set()
    await holder
    await write


# --- several processes ----------------------------------------------------------------------------


# Python warns of threads in the parent; that they are there is the point of the test.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_fork_may_not_use_the_handle(
    file_backend: SqliteBackend, clock: FrozenClock
) -> None:
    """In a forked child the handle refuses everything but being closed; the parent goes on."""
    text = answer_of_child(lambda: asyncio.run(try_to_use(file_backend, clock)))
    assert "copied by fork()" in text
    assert text.endswith("closed")
    await insert(file_backend, new_job(clock))
    assert len(await file_backend.jobs.find()) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
async def test_a_fork_opens_the_file_anew(file_backend: SqliteBackend, clock: FrozenClock) -> None:
    """Whatever the parent's thread was doing at that moment."""
    gate, begun = threading.Event(), threading.Event()

    def busy(_: sqlite3.Connection) -> None:
        begun.set()
        assert gate.wait(30)

    reading = asyncio.create_task(file_backend._database.read(busy))
    await asyncio.to_thread(begun.wait, 30)
    text = answer_of_child(lambda: asyncio.run(use_anew(file_backend, clock)))
    gate.set()
    await reading
    assert text == "written"
    assert len(await file_backend.jobs.find()) == 1


async def use_anew(backend: SqliteBackend, clock: FrozenClock) -> str:  # pragma: no cover
    """Open the handle of the parent in the child, and write through it."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(5)  # ends this process if it is stuck, and the answer is none
    backend.forget()
    await backend.open()
    await insert(backend, new_job(clock))
    return "written"


def answer_of_child(call: Callable[[], str]) -> str:
    """Return what ``call`` returns in a forked child of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        try:
            asyncio.events._set_running_loop(None)  # the running one belongs to the parent
            os.write(writing, call().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


async def try_to_use(backend: SqliteBackend, clock: FrozenClock) -> str:  # pragma: no cover
    """Return what the child is told."""
    try:
        await insert(backend, new_job(clock))
    except DatabaseError as error:
        await backend.close()
        return f"{error} closed"
    return "nothing"


PROGRAM = """\
import asyncio, sys
from pathlib import Path
from soniq.backends.sqlite import SqliteBackend
from soniq.clock import SystemClock
from soniq.job import NewJob
from soniq.outcome import Complete, Settlement

async def main(path, name):
    clock = SystemClock()
    backend = SqliteBackend(Path(path), clock)
    await backend.open()
    jobs = [NewJob(clock.new_id(), "t", "q", 1, "{}", 1) for _ in range(100)]
    await asyncio.gather(*(backend.jobs.insert([job]) for job in jobs))
    while taken := await backend.jobs.claim(None, limit=7, worker=name):
        batch = [Settlement(job, Complete()) for job in taken]
        assert len(await backend.jobs.settle(batch, worker=name)) == len(taken)
        print(*(job.id for job in taken), sep="\\n")
    await backend.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_processes_on_one_new_file(sqlite_path: Path) -> None:
    """Processes that make, fill and drain one file at once run each job exactly once."""
    programs = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(sqlite_path), f"worker-{number}",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]  # fmt: skip
    answers = await asyncio.gather(*(program.communicate() for program in programs))
    assert [errors for _, errors in answers] == [b""] * 4
    ran = [line for output, _ in answers for line in output.decode().split()]
    assert len(ran) == len(set(ran)) == 400
    backend = SqliteBackend(sqlite_path, SystemClock())
    await backend.open()
    assert (await backend.stats.queues())["q"]["done"] == 400
    await backend.close()


async def test_twenty_set_up_at_once(sqlite_path: Path, clock: FrozenClock) -> None:
    """Of twenty that make the same new file at once, one applies each step and none fails."""
    backends = [SqliteBackend(sqlite_path, clock) for _ in range(20)]
    applied = await asyncio.gather(*(backend.setup() for backend in backends))
    steps = await backends[0].migrations()
    assert sum(map(len, applied)) == len(steps)
    assert all(step.applied_at for step in steps)


async def test_a_commit_of_another_process_wakes(
    file_backend: SqliteBackend, clock: FrozenClock
) -> None:
    """A waiting worker notices a job that another process has committed, without being told."""
    waiting = asyncio.create_task(file_backend.wakeups.wait(None, timeout=30))
    # A backend of this process would ring; this connection only commits, as another process does.
    other = SqliteBackend(file_backend.path, clock)
    await other.open()
    await insert(other, new_job(clock))
    async with asyncio.timeout(10):
        await waiting
    assert len(await claim(file_backend, worker=WORKER)) == 1
    await other.close()
