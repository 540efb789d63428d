"""A lock file beside the database for each worker: the system drops the lock with the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

# Elsewhere the lease alone tells.
HAVE_LOCKS = sys.platform != "win32"


class WorkerLock:
    """The lock of one worker on the database at ``path``; harmless where there are no locks.

    ``flock(2)``: it belongs to the open file, not to the process, so that any number of workers
    can live in one process, and ends when the last copy of that open file is closed.
    """

    def __init__(self, path: Path, worker_id: str) -> None:
        self._file = lock_file(path, worker_id)
        self._descriptor: int | None = None

    def take(self) -> None:
        """Make the file and lock it; harmless when that was done already."""
        while HAVE_LOCKS and self._descriptor is None:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            # Whoever sweeps may have locked or deleted the file before it was locked here.
            if locked(descriptor) and is_still(self._file, descriptor):
                self._descriptor = descriptor
            else:
                os.close(descriptor)

    def release(self) -> None:
        """Delete the file and let go of it."""
        if self._descriptor is not None:
            self._file.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None


def is_free(path: Path, worker_id: str) -> bool:
    """Tell whether a worker had a lock that nobody holds; False where there is no such file."""
    if not HAVE_LOCKS:
        return False
    try:
        descriptor = os.open(lock_file(path, worker_id), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return locked(descriptor, shared=True)
    finally:
        os.close(descriptor)


def sweep(path: Path, keep: Collection[str]) -> None:
    """Delete the lock files of workers whose process is gone, except those of ``keep``.

    While a worker has its row, its free lock is what tells the others that it is dead.
    """
    if not HAVE_LOCKS:
        return
    kept = {lock_file(path, worker_id) for worker_id in keep}
    for file in set(path.parent.glob(f"{escaped(path.name)}-worker-*")) - kept:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if locked(descriptor):
                file.unlink(missing_ok=True)
        finally:
            os.close(descriptor)


def lock_file(path: Path, worker_id: str) -> Path:
    """Return where the lock of a worker is."""
    return path.with_name(f"{path.name}-worker-{worker_id}")


def locked(descriptor: int, *, shared: bool = False) -> bool:
    """Lock an open file if that can be done at once; tell whether it was."""
    if sys.platform == "win32":
        return False
    import fcntl  # noqa: PLC0415 - not there on every system

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_still(file: Path, descriptor: int) -> bool:
    """Tell whether the name still leads to the open file."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def escaped(name: str) -> str:
    """Return a file name as a pattern that matches nothing but itself."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
