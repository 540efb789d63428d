"""The lock files of workers on SQLite, with a second process that dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from soniq.backends.sqlite import locks

HOLD = """
import sys
from pathlib import Path
from soniq.backends.sqlite.locks import WorkerLock
WorkerLock(Path(sys.argv[1]), sys.argv[2]).take()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_its_lock_free(tmp_path: Path) -> None:
    """Held while the process lives; free once it was killed; then swept away."""
    path = tmp_path / "jobs [1].db"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), "w"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert not locks.is_free(path, "w")
        locks.sweep(path, keep=())
        assert locks.lock_file(path, "w").exists()
        process.kill()
    locks.sweep(path, keep=("w",))
    assert locks.is_free(path, "w")
    locks.sweep(path, keep=())
    assert not locks.lock_file(path, "w").exists()


def test_no_file_tells_nothing(tmp_path: Path) -> None:
    """A worker without a lock file may well live."""
    assert not locks.is_free(tmp_path / "jobs.db", "w")


def test_two_workers_of_one_process(tmp_path: Path) -> None:
    """Letting go of one lock leaves the other, and leaves no file."""
    path = tmp_path / "jobs.db"
    first, second = locks.WorkerLock(path, "1"), locks.WorkerLock(path, "2")
    first.take()
    second.take()
    first.release()
    first.release()
    assert not locks.lock_file(path, "1").exists()
    assert not locks.is_free(path, "2")
    second.release()
    assert list(tmp_path.iterdir()) == []
