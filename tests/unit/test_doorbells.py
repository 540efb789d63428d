"""Pipes through which processes on one SQLite file wake each other."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from soniq.backends.sqlite.doorbells import WHOLE, Doorbell, Doorbells, messages

# Far longer than a ring takes.
SOON = 10.0

PROGRAM = """
import asyncio, sys
from pathlib import Path
from soniq.backends.sqlite import SqliteBackend
from soniq.clock import SystemClock

async def main():
    backend = SqliteBackend(Path(sys.argv[1]), SystemClock())
    await backend.open()
    await backend.wakeups.wait(("a",), timeout=0.01)
    print("waits", flush=True)
    await backend.wakeups.wait(("a",), timeout=60)
    print("woken", flush=True)
    await backend.close()

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file; what is in it does not matter here."""
    path = tmp_path / "jobs.db"
    path.touch()
    return path


@pytest.fixture
def doorbell(path: Path) -> Iterator[Doorbell]:
    """The pipe of somebody who waits; other ``Doorbells`` are as good as other processes."""
    doorbell = Doorbells(path).hang_out()
    assert doorbell is not None
    yield doorbell
    doorbell.take_down()


@pytest.fixture
def sleeper(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which waits for the queue ``a``."""
    command = [sys.executable, "-c", PROGRAM, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waits\n"
        yield process
        process.kill()


async def heard(doorbell: Doorbell) -> set[str]:
    """Return the names that arrive first."""
    arrived: asyncio.Future[set[str]] = asyncio.get_running_loop().create_future()

    def ring(queues: Collection[str]) -> None:
        if not arrived.done():
            arrived.set_result(set(queues))

    with doorbell.heard(ring):
        return await asyncio.wait_for(arrived, SOON)


def pipes(path: Path) -> list[Path]:
    """Return the pipes beside a file."""
    folder = path.with_name(f"{path.name}-bells")
    return list(folder.iterdir()) if folder.exists() else []


def test_another_process_is_woken(path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """Well before its own look at the file, which would find nothing; it leaves no pipe behind."""
    Doorbells(path).ring({"x"})
    Doorbells(path).ring({"x", "a"})
    assert sleeper.stdout is not None
    started = time.monotonic()
    assert sleeper.stdout.readline() == b"woken\n"
    assert time.monotonic() - started < SOON
    sleeper.wait()
    assert pipes(path) == []
    assert not path.with_name("jobs.db-bells").exists()


def test_the_pipe_of_a_killed_process_is_deleted(
    path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    """By those who ring next, whether they had it open or not."""
    before = Doorbells(path)
    before.ring({"x"})
    sleeper.send_signal(signal.SIGKILL)
    sleeper.wait()
    assert len(pipes(path)) == 1
    before.ring({"a"})
    assert pipes(path) == []


def test_a_dead_pipe_is_deleted_by_a_stranger(path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """Who has never had it open finds nobody at its other end."""
    sleeper.kill()
    sleeper.wait()
    Doorbells(path).ring({"a"})
    assert pipes(path) == []


async def test_what_was_rung_before_is_heard(path: Path, doorbell: Doorbell) -> None:
    """A ring between two waits is kept in the pipe."""
    Doorbells(path).ring({"a", "ü b"})
    assert await heard(doorbell) == {"a", "ü b"}


async def test_one_that_comes_later_is_rung(path: Path, doorbell: Doorbell) -> None:
    """Whoever hangs out a pipe right after somebody has looked round is not overlooked."""
    ringer = Doorbells(path)
    ringer.ring({"a"})
    late = Doorbells(path).hang_out()
    assert late is not None
    ringer.ring({"b"})
    assert await heard(late) == {"b"}
    assert await heard(doorbell) == {"a", "b"}
    late.take_down()


def test_own_pipes_are_not_rung(path: Path) -> None:
    """Handles of this process hear by its own bells."""
    own = Doorbells(path)
    doorbell = own.hang_out()
    assert doorbell is not None
    own.ring({"a"})
    with pytest.raises(BlockingIOError):
        os.read(doorbell._pipe, 1)
    doorbell.take_down()


def test_nobody_hears(path: Path, doorbell: Doorbell) -> None:
    """A pipe that has run full holds nobody up."""
    ringer = Doorbells(path)
    for _ in range(200):
        ringer.ring({"q" * 1000})
    assert pipes(path) == [doorbell.file]


def test_other_files_are_left_alone(path: Path, doorbell: Doorbell) -> None:
    """Only pipes are written to, also where somebody has put a link to a file."""
    victim = path.with_name("victim")
    victim.write_text("mine")
    plain, link = doorbell.file.with_name("plain"), doorbell.file.with_name("link")
    plain.write_text("mine")
    link.symlink_to(victim)
    Doorbells(path).ring({"a"})
    assert [plain.read_text(), victim.read_text()] == ["mine", "mine"]
    assert link.is_symlink()
    plain.unlink()
    link.unlink()


def test_no_place_for_pipes(path: Path) -> None:
    """Where the folder can't be made, nothing is hung out and ringing harms nobody."""
    path.with_name("jobs.db-bells").write_text("in the way")
    doorbells = Doorbells(path)
    assert doorbells.hang_out() is None
    doorbells.ring({"a"})


def test_pieces_that_a_pipe_takes_as_a_whole() -> None:
    """However many names there are, each stands in one piece, and no piece is too long."""
    names = {f"{number} " + "ü" * 250 for number in range(50)}
    pieces = messages(names)
    assert max(map(len, pieces)) <= WHOLE
    assert {name for piece in pieces for name in piece.decode().split("\n")} - {""} == names
