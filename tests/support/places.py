"""Where a run keeps its files: in memory, where there is enough of it; else where others are."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - folders of a run have names of their own there
# A run takes up to half a gigabyte.
ENOUGH = 4 * 1024**3
# What is crashed there is to have been on a disk, with the waits that a disk brings.
ON_DISK = "chaos"


def place_for(tests: Iterable[str]) -> Path:
    """Return the folder for files of a run of these tests.

    A commit waits for the disk, some milliseconds each time, and thousands of small files come and
    go. No test can tell whether a disk has what was written, since none cuts the power.
    """
    if any(ON_DISK in Path(test).parts for test in tests) or room(MEMORY) < ENOUGH:
        return Path(tempfile.gettempdir())
    return MEMORY


def room(folder: Path) -> int:
    """Return the bytes that fit into a folder; 0 where there is no such folder."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
