"""Is this path a place where a SQLite file can live? Answers before SQLite gets to see it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from soniq.errors import DatabaseUnreachable

MOUNTS = Path("/proc/mounts")

# Their locks don't hold between hosts, and WAL needs memory that all users of the file share.
NETWORK_FILESYSTEMS = frozenset(
    {
        "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse.ceph", "fuse.davfs2",
        "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs",
        "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb", "smb2", "smb3", "smbfs",
    }
)  # fmt: skip


def check_place(path: Path, mounts: str) -> None:
    """Refuse a path where no SQLite file can be made or kept safely.

    Args:
        path: the file, which need not exist.
        mounts: the mounted file systems as ``/proc/mounts`` lists them; empty where unknown.

    Raises:
        DatabaseUnreachable: the directory is missing, it can't be written, or it is on a network.
    """
    folder = path.parent
    if not folder.is_dir():
        message = (
            f"SQLite file {path}: the directory {folder} does not exist. "
            "Create it, or give another path in database_url."
        )
        raise DatabaseUnreachable(message)
    if path.is_dir():
        message = f"SQLite file {path}: this is a directory. Name a file in it, such as soniq.db."
        raise DatabaseUnreachable(message)
    if not os.access(path if path.exists() else folder, os.W_OK):
        message = (
            f"SQLite file {path}: this user may not write there. "
            "Change the rights of file and directory, or give another path in database_url."
        )
        raise DatabaseUnreachable(message)
    refuse_network(path, mounts)


def refuse_network(path: Path, mounts: str) -> None:
    """Raise DatabaseUnreachable where the path is known to lie on a network file system."""
    kind = filesystem(path.resolve(), mounts)
    if kind in NETWORK_FILESYSTEMS:
        message = (
            f"SQLite file {path}: it is on a network file system ({kind}), where locks of several "
            "processes can't be trusted. Give a path on a local disk, or use PostgreSQL."
        )
        raise DatabaseUnreachable(message)


def filesystem(path: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds an absolute path, or None where unknown."""
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        _, _, rest = line.partition(" ")
        place, _, rest = rest.partition(" ")
        kind, _, options = rest.partition(" ")
        if not options:
            continue
        point = Path(unescape(place))
        # "<=": a later mount on the same point hides an earlier one.
        if path.is_relative_to(point) and (found is None or found[0] <= len(point.parts)):
            found = (len(point.parts), kind)
    return found[1] if found else None


def unescape(text: str) -> str:
    r"""Return a mount point with its octal escapes (``\040`` for a blank) resolved."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def mounted() -> str:
    """Return what ``/proc/mounts`` says, or nothing on a system without it."""
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another at the same path, or None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - for each write
    except OSError:
        return None
    return status.st_dev, status.st_ino
