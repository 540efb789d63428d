"""Checks of a PostgreSQL server: settings that void promises, and what it has left to give."""

from __future__ import annotations

from soniq.doctor.case import Case
from soniq.doctor.check import POSTGRES, check
from soniq.doctor.finding import Verdict, error, ok, warning
from soniq.doctor.words import identifier, share, span

OLDEST, NEWEST = 14, 18
RELOAD = "SELECT pg_reload_conf();"
CROWDED, FULL = 0.8, 0.95
# By a clock that is further off ids stop sorting by time, and logs can't be laid side by side.
LARGEST_SKEW = 5.0
# Milliseconds. A handler's ctx.transaction() may well take so long.
SHORTEST_TRANSACTION = 60_000


@check("server-version", "Version of the server", backends=POSTGRES)
def version(case: Case) -> Verdict:
    """Look for PostgreSQL 14 to 18."""
    major = case.fact("server_version_num") // 10_000
    told = f"PostgreSQL {case.database.version}"
    if major < OLDEST:
        return error(f"{told}: Soniq needs {OLDEST} or later", f"upgrade the server to {NEWEST}")
    if major > NEWEST:
        return warning(f"{told}: tested up to {NEWEST}", "look for a newer Soniq")
    return ok(told)


@check("fsync", "Writes that reach the disk", backends=POSTGRES)
def fsync(case: Case) -> Verdict:
    """Look at fsync."""
    if case.fact("fsync"):
        return ok("fsync is on")
    return error(
        "fsync is off: a crash of the host can destroy the database",
        f"ALTER SYSTEM SET fsync = on; {RELOAD}",
    )


@check("full-page-writes", "Repair of half-written pages", backends=POSTGRES)
def full_page_writes(case: Case) -> Verdict:
    """Look at full_page_writes."""
    if case.fact("full_page_writes"):
        return ok("full_page_writes is on")
    return error(
        "full_page_writes is off: a crash of the host can damage pages for good",
        f"ALTER SYSTEM SET full_page_writes = on; {RELOAD}",
    )


@check("synchronous-commit", "Durability of commits", backends=POSTGRES)
def synchronous_commit(case: Case) -> Verdict:
    """Look at the default: Soniq's own sessions see to it, transactions of the user do not."""
    setting: str = case.fact("synchronous_commit")
    if setting == "off":
        return warning(
            "synchronous_commit is off: Soniq's own sessions turn it on, but a crash can lose jobs "
            "that were enqueued in transactions of your own (connection=…), commits and all",
            f"ALTER SYSTEM SET synchronous_commit = on; {RELOAD}",
        )
    if setting == "local" and case.fact("synchronous_standby_names"):
        return warning(
            "synchronous_commit is local though there are synchronous standbys: a failover can "
            "lose jobs that were enqueued in transactions of your own",
            f"ALTER SYSTEM SET synchronous_commit = on; {RELOAD}",
        )
    return ok(f"synchronous_commit is {setting}")


@check("read-only", "Writes that are allowed", backends=POSTGRES)
def read_only(case: Case) -> Verdict:
    """Look for a standby, or a database or role that is set to read only."""
    if case.fact("in_recovery"):
        return error(
            "the server is a standby: nothing can be enqueued or claimed",
            "point SONIQ_DATABASE_URL to the primary",
        )
    if case.fact("default_transaction_read_only"):
        return warning(
            "default_transaction_read_only is on: transactions of your own can't enqueue",
            f"ALTER ROLE {identifier(case.fact('role'))} SET default_transaction_read_only = off;",
        )
    return ok("it is a primary, and transactions may write")


@check("connections", "Connections left", backends=POSTGRES)
def connections(case: Case) -> Verdict:
    """Look how many of those that are not reserved for superusers are taken."""
    used: int = case.fact("connections")
    reserved = case.fact("superuser_reserved_connections")
    most = case.fact("max_connections") - reserved
    told = f"{used} of {most} are taken ({share(used, most)})"
    told += f", {case.fact('soniq_connections')} of them by Soniq"
    cure = "lower pool_max_size (SONIQ_POOL_MAX_SIZE), use a pooler, or raise max_connections"
    if used >= FULL * most:
        return error(told, cure)
    return warning(told, cure) if used >= CROWDED * most else ok(told)


@check("clock-skew", "Clocks of host and database", backends=POSTGRES)
def clock_skew(case: Case) -> Verdict:
    """Look at the clocks: the database decides what is due, ids and logs are by the hosts'."""
    ahead: float = case.fact("clock_ahead_seconds")
    told = f"the database is {span(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
    if abs(ahead) > LARGEST_SKEW:
        return warning(told, "timedatectl set-ntp true  # on both hosts")
    return ok(told)


@check("transaction-timeout", "How long a transaction may last", backends=POSTGRES)
def transaction_timeout(case: Case) -> Verdict:
    """Look at what PostgreSQL 17 or later does to transactions that last long."""
    found: int = case.fact("transaction_timeout")
    if 0 < found < SHORTEST_TRANSACTION:
        return warning(
            f"transaction_timeout ends every transaction after {span(found / 1000)}, those of "
            "ctx.transaction(), too",
            f"ALTER ROLE {identifier(case.fact('role'))} SET transaction_timeout = 0;",
        )
    return ok(f"after {span(found / 1000)}" if found else "there is no transaction_timeout")


@check("encoding", "Encoding of text", backends=POSTGRES)
def encoding(case: Case) -> Verdict:
    """Look at the encoding: names and arguments may hold any character."""
    found: str = case.fact("server_encoding")
    if found == "UTF8":
        return ok("UTF8")
    return warning(
        f"the encoding is {found}: jobs with characters that it lacks can't be enqueued",
        "CREATE DATABASE jobs ENCODING 'UTF8' TEMPLATE template0;  -- and move there",
    )


@check("collation-version", "Rules of sorting", backends=POSTGRES)
def collation_version(case: Case) -> Verdict:
    """Look for a new C library or ICU under old indexes, which then may not find their rows."""
    made, used = case.fact("collation_version"), case.fact("collation_actual_version")
    if made == used:
        return ok(f"version {made}")
    name = identifier(case.fact("database"))
    return error(
        f"the database was made with version {made}, the system has {used}: jobs may not be found",
        f"REINDEX DATABASE {name}; ALTER DATABASE {name} REFRESH COLLATION VERSION;",
    )
