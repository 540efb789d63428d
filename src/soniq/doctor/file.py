"""Checks of a SQLite file: how it is written, where it lies, and whether it is sound."""

from __future__ import annotations

from shlex import quote

from soniq.doctor.case import Case
from soniq.doctor.check import SQLITE, check
from soniq.doctor.finding import Verdict, error, ok, warning
from soniq.doctor.words import share, size

OLDEST = (3, 35)
MEBIBYTE = 1024**2
# A checkpoint cuts the log down to 64 MiB.
LONG_LOG = 256 * MEBIBYTE
LITTLE_SPACE, NO_SPACE = 1024 * MEBIBYTE, 100 * MEBIBYTE
MUCH_FREE, MOSTLY_FREE = 100 * MEBIBYTE, 0.5


@check("sqlite-version", "Version of SQLite", backends=SQLITE)
def version(case: Case) -> Verdict:
    """Look for 3.35 or later, the first that returns what it has changed."""
    found = case.database.version
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST:
        return error(f"SQLite {found}: Soniq needs 3.35 or later", "use a newer Python")
    return ok(f"SQLite {found}")


@check("network-filesystem", "File system", backends=SQLITE)
def network_filesystem(case: Case) -> Verdict:
    """Look where the file is: over a network, locks of several processes can't be trusted."""
    kind = case.fact("filesystem")
    if case.fact("on_network"):
        return error(
            f"it is on {kind}, where processes of several hosts can destroy it",
            "give a path on a local disk in SONIQ_DATABASE_URL, or use PostgreSQL",
        )
    return ok(f"the file system is {kind}")


@check("journal-mode", "Journal mode", backends=SQLITE)
def journal_mode(case: Case) -> Verdict:
    """Look whether the file keeps a write-ahead log."""
    found = case.fact("journal_mode")
    if found != "wal":
        return error(
            f"the journal mode is {found}: somebody has changed it",
            "PRAGMA journal_mode = WAL;",
        )
    return ok("the journal mode is wal")


@check("synchronous", "Durability of commits", backends=SQLITE)
def synchronous(case: Case) -> Verdict:
    """Look whether each commit waits for the disk."""
    found = case.fact("synchronous")
    if found not in {"full", "extra"}:
        return error(
            f"synchronous is {found}: a power failure can lose jobs that were enqueued",
            "PRAGMA synchronous = FULL;",
        )
    return ok(f"synchronous is {found}")


@check("wal-size", "Write-ahead log", backends=SQLITE)
def wal_size(case: Case) -> Verdict:
    """Look at the log: a reader that never ends keeps it from being written back."""
    found: int = case.fact("wal_bytes")
    if found > LONG_LOG:
        return warning(
            f"the log holds {size(found)}: somebody reads for long, or checkpoints fail",
            "end the program that keeps the file open for reading, then: "
            "PRAGMA wal_checkpoint(TRUNCATE);",
        )
    return ok(f"it holds {size(found)}")


@check("disk-space", "Room on the disk", backends=SQLITE)
def disk_space(case: Case) -> Verdict:
    """Look at the disk: where it is full nothing can be enqueued or completed."""
    free: int = case.fact("disk_free_bytes")
    told = f"{size(free)} are free"
    cure = "free some space, or move the file to a larger disk"
    if free < NO_SPACE:
        return error(told, cure)
    return warning(told, cure) if free < LITTLE_SPACE else ok(told)


@check("free-pages", "Free pages in the file", backends=SQLITE)
def free_pages(case: Case) -> Verdict:
    """Look at the pages of deleted rows, which are never given back by themselves."""
    free = case.fact("freelist_count") * case.fact("page_size")
    whole = case.fact("page_count") * case.fact("page_size")
    told = f"{size(free)} of {size(whole)} are free ({share(free, whole)})"
    if free > MUCH_FREE and free > MOSTLY_FREE * whole:
        return warning(told, "VACUUM;  -- while no worker runs")
    return ok(told)


@check("quick-check", "Soundness of the file", backends=SQLITE)
def quick_check(case: Case) -> Verdict:
    """Look at what SQLite finds in the pages."""
    found: str = case.fact("quick_check")
    if found != "ok":
        return error(found, "restore the file from a backup, or: sqlite3 old.db .recover")
    return ok("every page was looked at")


@check("file-rights", "Rights to the file", backends=SQLITE)
def file_rights(case: Case) -> Verdict:
    """Look who can write the file, and so have any task run with any arguments."""
    path, mode = case.fact("path"), case.fact("file_mode")
    if case.fact("writable_by_all"):
        return error(f"any user may write it (mode {mode})", f"chmod o-w {quote(path)}")
    owner, process = case.fact("file_owner"), case.fact("process_owner")
    if process == 0 and owner != 0:
        return warning(
            f"it belongs to user {owner}, and this is root: what root makes beside it may keep "
            "that user out",
            f"run Soniq as user {owner}",
        )
    return ok(f"mode {mode}, of user {owner}")
