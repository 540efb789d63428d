"""Every check of the doctor: green where all is well, red where what it is for has happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.main import get_command

from soniq import settings
from soniq.backends.contract import Migration
from soniq.backends.operator_contract import DatabaseFacts, TableFacts
from soniq.cli import commands
from soniq.doctor.case import Case, Unknown
from soniq.doctor.checks import CHECKS
from soniq.doctor.finding import Finding
from soniq.doctor.words import listed
from soniq.figures import NOTHING
from soniq.job import Worker
from soniq.schedule import Origin, Schedule, ScheduleStatus
from soniq.standing import Pause, QueueStanding
from tests.docs.test_references import COMMANDS

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
GIBIBYTE = 1024**3
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)

TABLE = TableFacts("soniq_jobs", 10**8, 10**7, 100_000, 2_000, NOW, NOW)
WORKER = Worker(
    "5f3a1c2e-0000-4000-8000-000000000001", "host-1", 4711, None, 10, ("mail.send",), NOW - HOUR,
    NOW - SECOND, NOW + 29 * SECOND, alive=True, version="1.0",
)  # fmt: skip
QUEUE = QueueStanding("mail", 3, 2, 1, 4, True, NOW - SECOND, NOW + HOUR, 1, None)
SCHEDULE = Schedule(
    "mail.digest", ScheduleStatus.ACTIVE, Origin.CODE, "0 9 * * *", None, "UTC", "one", {},
    "mail", 100, 4, None, NOW - HOUR, NOW + HOUR, None, None, 0, None, None, None, NOW - HOUR,
    NOW - HOUR, 1,
)  # fmt: skip
SESSION = {
    "kind": "session", "name": "4712", "application": "psql", "state": "idle in transaction",
    "seconds": 5.0, "transactions": 3,
}  # fmt: skip
SLOT = {
    "name": "replica", "kind": "physical", "active": False, "wal_status": "extended",
    "transactions": None, "bytes": 10,
}  # fmt: skip

POSTGRES: dict[str, Any] = {
    "autovacuum": True,
    "autovacuum_freeze_max_age": 200_000_000,
    "clock_ahead_seconds": 0.02,
    "collation_actual_version": "2.36",
    "collation_version": "2.36",
    "connections": 20,
    "database": "shop",
    "default_transaction_read_only": False,
    "fsync": True,
    "full_page_writes": True,
    "in_recovery": False,
    "invalid_indexes": [],
    "max_connections": 100,
    "missing_indexes": {},
    "role": "shop",
    "schema_version": 1,
    "server_encoding": "UTF8",
    "server_version_num": 180_004,
    "slots": [SLOT],
    "snapshots": [SESSION],
    "soniq_connections": 5,
    "superuser_reserved_connections": 3,
    "synchronous_commit": "on",
    "synchronous_standby_names": "",
    "track_counts": True,
    "transaction_timeout": 0,
    "unattended_tables": [],
    "unlogged_tables": [],
    "xid_age": 100_000_000,
    "hidden": {},
}
SQLITE: dict[str, Any] = {
    "disk_free_bytes": 50 * GIBIBYTE,
    "file_mode": "0640",
    "file_owner": 1000,
    "filesystem": "ext4",
    "freelist_count": 10,
    "journal_mode": "wal",
    "missing_indexes": {},
    "on_network": False,
    "page_count": 100_000,
    "page_size": 4096,
    "path": "/srv/soniq.db",
    "process_owner": 1000,
    "quick_check": "ok",
    "schema_version": 1,
    "synchronous": "full",
    "wal_bytes": 4_000_000,
    "writable_by_all": False,
    "hidden": {},
}
URLS = {"postgres": "postgresql://localhost/shop", "sqlite": "/srv/soniq.db", "memory": None}


def healthy(backend: str) -> Case:
    """Return an installation with which all is well."""
    facts: Mapping[str, Any] = {"postgres": POSTGRES, "sqlite": SQLITE}.get(backend, {"hidden": {}})
    version = "18.4" if backend == "postgres" else "3.45.1"
    looks = {
        "database": DatabaseFacts(backend, version, NOW, (TABLE,), facts),
        "workers": [WORKER],
        "standings": [QUEUE],
        "unserved": {},
        "unknown": {},
        "schedules": [SCHEDULE],
        "last_hour": {"mail": replace(NOTHING, completed=990, failed=10)},
    }
    steps = [Migration(1, "jobs", "abc", NOW)]
    return Case("1.0", backend, settings.load(database_url=URLS[backend]), steps, looks=looks)


Change = Callable[[Case], Case]


def look(name: str, found: object) -> Change:
    """Have a look find something else."""
    return lambda case: replace(case, looks={**case.looks, name: found})


def database(**changed: Any) -> Change:
    """Change what is known of the database."""
    return lambda case: look("database", replace(case.database, **changed))(case)


def facts(**changed: Any) -> Change:
    """Change facts about the database; None takes one away."""

    def change(case: Case) -> Case:
        found = {**case.database.facts, **changed}
        kept = {name: value for name, value in found.items() if value is not None}
        return database(facts=kept)(case)

    return change


def table(**changed: Any) -> Change:
    """Change what is known of a table."""
    return database(tables=(replace(TABLE, **changed),))


def workers(*changes: Mapping[str, Any]) -> Change:
    """Put workers in place of the healthy one."""
    return look("workers", [replace(WORKER, **one) for one in changes])


def queue(**changed: Any) -> Change:
    """Change how the queue stands."""
    return look("standings", [replace(QUEUE, **changed)])


def schedule(**changed: Any) -> Change:
    """Change the schedule."""
    return look("schedules", [replace(SCHEDULE, **changed)])


def hour(**changed: Any) -> Change:
    """Change the figures of the last hour."""
    return look("last_hour", {"mail": replace(NOTHING, **changed)})


def setting(**changed: Any) -> Change:
    """Change settings."""
    return lambda case: replace(case, settings=settings.load(**changed))


def case(**changed: Any) -> Change:
    """Change what does not come from the database's tables."""
    return lambda healthy: replace(healthy, **changed)


PAUSE = Pause("mail", NOW - 2 * HOUR, "cli:ana@laptop", "deploy")
PREPARED = SESSION | {
    "kind": "prepared transaction",
    "name": "it's",
    "state": None,
    "seconds": 700.0,
}

# What each check is red for: backend, what has happened, how bad it is, and a part of the cure.
RED: dict[str, list[tuple[str, Change, str, str]]] = {
    "database-url": [
        ("sqlite", setting(), "warning", "SONIQ_DATABASE_URL"),
        ("sqlite", setting(environment="production"), "error", "SONIQ_DATABASE_URL"),
    ],
    "memory-backend": [
        ("memory", case(), "warning", "postgresql://"),
        ("memory", setting(environment="production"), "error", "postgresql://"),
    ],
    "environment": [("memory", case(strangers=["SONIQ_QUEUE"]), "warning", "unset")],
    "schema-pending": [
        ("postgres", case(migrations=[Migration(1, "jobs", "a")]), "error", "soniq setup"),
        (
            "sqlite",
            case(migrations=[Migration(1, "jobs", "a")], looks={}),
            "error",
            "soniq setup",
        ),
    ],
    "schema-newer": [("postgres", facts(schema_version=2), "warning", "upgrade")],
    "missing-index": [
        (
            "postgres",
            facts(missing_indexes={"x": "CREATE INDEX x ON y;"}),
            "error",
            "CREATE INDEX x",
        ),
        ("sqlite", facts(missing_indexes={"x": "CREATE INDEX x ON y;"}), "error", "CREATE INDEX x"),
    ],
    "invalid-index": [
        ("postgres", facts(invalid_indexes=["soniq_jobs_claim"]), "error", "REINDEX INDEX"),
    ],
    "server-version": [
        ("postgres", facts(server_version_num=130_014), "error", "upgrade"),
        ("postgres", facts(server_version_num=190_000), "warning", "newer Soniq"),
    ],
    "fsync": [("postgres", facts(fsync=False), "error", "SET fsync = on")],
    "full-page-writes": [
        ("postgres", facts(full_page_writes=False), "error", "SET full_page_writes = on"),
    ],
    "synchronous-commit": [
        ("postgres", facts(synchronous_commit="off"), "warning", "synchronous_commit = on"),
        (
            "postgres",
            facts(synchronous_commit="local", synchronous_standby_names="*"),
            "warning",
            "synchronous_commit = on",
        ),
    ],
    "read-only": [
        ("postgres", facts(in_recovery=True), "error", "primary"),
        ("postgres", facts(default_transaction_read_only=True), "warning", 'ALTER ROLE "shop"'),
    ],
    "connections": [
        ("postgres", facts(connections=80), "warning", "pooler"),
        ("postgres", facts(connections=96), "error", "pooler"),
    ],
    "clock-skew": [
        ("postgres", facts(clock_ahead_seconds=6.0), "warning", "set-ntp"),
        ("postgres", facts(clock_ahead_seconds=-3600.0), "warning", "set-ntp"),
    ],
    "transaction-timeout": [
        ("postgres", facts(transaction_timeout=5000), "warning", "transaction_timeout = 0"),
    ],
    "encoding": [("postgres", facts(server_encoding="LATIN1"), "warning", "UTF8")],
    "collation-version": [
        ("postgres", facts(collation_actual_version="2.41"), "error", 'REINDEX DATABASE "shop"'),
    ],
    "autovacuum": [
        ("postgres", facts(autovacuum=False), "error", "SET autovacuum = on"),
        ("postgres", facts(track_counts=False), "error", "SET track_counts = on"),
    ],
    "table-autovacuum": [
        (
            "postgres",
            facts(unattended_tables=["soniq_jobs"]),
            "error",
            "RESET (autovacuum_enabled)",
        ),
    ],
    "unlogged-table": [("postgres", facts(unlogged_tables=["soniq_jobs"]), "error", "SET LOGGED")],
    "old-snapshot": [
        (
            "postgres",
            facts(snapshots=[SESSION | {"seconds": 700.0}]),
            "warning",
            "terminate_backend(4712)",
        ),
        (
            "postgres",
            facts(snapshots=[SESSION | {"seconds": 7000.0}]),
            "error",
            "terminate_backend(4712)",
        ),
        (
            "postgres",
            facts(snapshots=[SESSION | {"seconds": None, "transactions": 2_000_000}]),
            "warning",
            "terminate_backend(4712)",
        ),
    ],
    "prepared-transaction": [
        ("postgres", facts(snapshots=[PREPARED]), "warning", "ROLLBACK PREPARED 'it''s'"),
    ],
    "replication-slot": [
        (
            "postgres",
            facts(slots=[SLOT | {"bytes": 2 * GIBIBYTE}]),
            "warning",
            "pg_drop_replication_slot('replica')",
        ),
        (
            "postgres",
            facts(slots=[SLOT | {"bytes": 2 * GIBIBYTE, "active": True}]),
            "warning",
            "subscriber",
        ),
        (
            "postgres",
            facts(slots=[SLOT | {"transactions": 2_000_000}]),
            "warning",
            "pg_drop_replication_slot",
        ),
    ],
    "transaction-age": [
        ("postgres", facts(xid_age=500_000_000), "warning", "VACUUM"),
        ("postgres", facts(xid_age=1_500_000_000), "error", "VACUUM"),
    ],
    "dead-rows": [("postgres", table(dead_rows=90_000), "warning", "VACUUM (ANALYZE) soniq_jobs")],
    "statistics": [("postgres", table(analyzed_at=None), "warning", "ANALYZE soniq_jobs")],
    "sqlite-version": [("sqlite", database(version="3.34.1"), "error", "newer Python")],
    "network-filesystem": [
        ("sqlite", facts(on_network=True, filesystem="nfs4"), "error", "local disk"),
    ],
    "journal-mode": [("sqlite", facts(journal_mode="delete"), "error", "journal_mode = WAL")],
    "synchronous": [("sqlite", facts(synchronous="normal"), "error", "synchronous = FULL")],
    "wal-size": [("sqlite", facts(wal_bytes=GIBIBYTE), "warning", "wal_checkpoint")],
    "disk-space": [
        ("sqlite", facts(disk_free_bytes=GIBIBYTE // 2), "warning", "space"),
        ("sqlite", facts(disk_free_bytes=1_000_000), "error", "space"),
    ],
    "free-pages": [("sqlite", facts(freelist_count=90_000), "warning", "VACUUM")],
    "quick-check": [("sqlite", facts(quick_check="row 7 missing from index"), "error", "backup")],
    "file-rights": [
        (
            "sqlite",
            facts(writable_by_all=True, file_mode="0666"),
            "error",
            "chmod o-w /srv/soniq.db",
        ),
        ("sqlite", facts(process_owner=0), "warning", "as user 1000"),
    ],
    "no-worker": [
        ("memory", workers(), "error", "soniq worker"),
        (
            "memory",
            lambda one: queue(due=0)(workers({"alive": False})(one)),
            "warning",
            "soniq worker",
        ),
    ],
    "unserved-queue": [
        ("memory", look("unserved", {"a b": 700.0, "shop": 20.0}), "error", "--queues 'a b,shop'"),
    ],
    "unknown-task": [("memory", look("unknown", {"new.task": NOW - HOUR}), "warning", "deploy")],
    "worker-versions": [
        ("memory", workers({}, {"version": "0.9"}), "warning", "restart"),
        ("memory", workers({"version": ""}), "warning", "restart"),
    ],
    "worker-lease": [
        (
            "memory",
            workers({"renewed_at": NOW - 20 * SECOND, "expires_at": NOW + 10 * SECOND}),
            "warning",
            "host",
        ),
        (
            "memory",
            workers({}, {"alive": False, "expires_at": NOW - HOUR}),
            "warning",
            "clears away",
        ),
    ],
    "event-loop": [
        ("memory", workers({"loop_lag": 0.7}), "warning", "executor"),
        ("memory", workers({"loop_lag": 9.0}), "error", "executor"),
    ],
    "worker-memory": [("memory", workers({"memory_bytes": 3 * GIBIBYTE}), "warning", "--max-rss")],
    "quiet-worker": [("memory", workers({"wish": "quiet"}), "warning", f"resume {WORKER.id}")],
    "paused-queue": [("memory", queue(pause=PAUSE), "warning", "soniq queues resume mail")],
    "oldest-due": [
        ("memory", queue(oldest_due_at=NOW - HOUR / 2), "warning", "--concurrency"),
        ("memory", queue(oldest_due_at=NOW - 3 * HOUR), "error", "--concurrency"),
    ],
    "dead-letters": [("memory", queue(dead_letter=1000), "warning", "dead-letter groups")],
    "failures": [
        ("memory", hour(completed=80, failed=20), "warning", "dead-letter groups"),
        ("memory", hour(completed=10, failed=20), "error", "dead-letter groups"),
    ],
    "orphaned-schedule": [
        ("memory", schedule(orphaned_at=NOW - HOUR), "warning", "schedules remove mail.digest"),
    ],
    "overdue-schedule": [("memory", schedule(next_at=NOW - HOUR), "error", "soniq scheduler")],
    "missed-ticks": [
        ("memory", schedule(missed_at=NOW - HOUR, missed_count=3), "warning", "schedules run"),
    ],
}
# What looks like the above and is none of it.
GREEN: list[tuple[str, str, Change]] = [
    ("oldest-due", "memory", queue(oldest_due_at=NOW - 3 * HOUR, pause=PAUSE)),
    ("oldest-due", "memory", queue(oldest_due_at=NOW - 3 * HOUR, served_by=0)),
    ("paused-queue", "memory", queue(pause=replace(PAUSE, paused_at=NOW - HOUR / 2))),
    ("failures", "memory", hour(completed=1, failed=9)),
    ("overdue-schedule", "memory", schedule(next_at=NOW - HOUR, status=ScheduleStatus.PAUSED)),
    ("overdue-schedule", "memory", schedule(next_at=NOW - HOUR, orphaned_at=NOW - HOUR)),
    ("missed-ticks", "memory", schedule(missed_at=NOW - 48 * HOUR, missed_count=3)),
    ("synchronous-commit", "postgres", facts(synchronous_commit="local")),
    ("transaction-timeout", "postgres", facts(transaction_timeout=600_000)),
    ("dead-rows", "postgres", table(rows=10, dead_rows=900)),
    ("statistics", "postgres", table(rows=10, analyzed_at=None)),
]
# Where something is not known, the check says so and why.
UNKNOWN: list[tuple[str, str, Change, str]] = [
    ("fsync", "postgres", facts(fsync=None), "fsync"),
    (
        "connections",
        "postgres",
        facts(connections=None, hidden={"connections": "denied"}),
        "denied",
    ),
    (
        "dead-rows",
        "postgres",
        database(tables=()),
        "tables",
    ),
    ("collation-version", "postgres", facts(collation_version=None), "collation_version"),
    ("quick-check", "sqlite", facts(quick_check=None, hidden={"quick_check": "2 s"}), "2 s"),
    ("unknown-task", "memory", workers(), "no worker is alive"),
    ("unserved-queue", "memory", workers(), "no worker is alive"),
    ("failures", "memory", setting(rollups=False), "SONIQ_ROLLUPS"),
    ("oldest-due", "postgres", case(looks={}), "schema is not ready"),
    ("fsync", "sqlite", case(), "only on postgres"),
    ("oldest-due", "sqlite", look("standings", Unknown("no such index")), "no such index"),
]

COMMAND = re.compile(r"\bsoniq ([a-z-]+(?: [a-z-]+)?)")


def examine(check_id: str, case: Case) -> Finding:
    """Return what one check says."""
    return CHECKS[check_id].examine(case)


@pytest.mark.parametrize("backend", ["postgres", "sqlite", "memory"])
def test_all_is_well(backend: str) -> None:
    """In good health no check is red, and none is skipped; each has some proof."""
    case = healthy(backend)
    found = [one.examine(case) for one in CHECKS.values() if backend in one.backends]
    unwell = [one for one in found if one.severity != "ok" and one.id != "memory-backend"]
    assert list(map(dict, unwell)) == []
    assert all(one.evidence and not one.cure for one in found if one.severity == "ok")


@pytest.mark.parametrize(
    ("check_id", "number"), [(name, n) for name, cases in RED.items() for n in range(len(cases))]
)
def test_red(check_id: str, number: int) -> None:
    """What the check is for has happened: it says how bad that is, with proof and cure."""
    backend, change, severity, cure = RED[check_id][number]
    found = examine(check_id, change(healthy(backend)))
    assert (found.id, found.severity) == (check_id, severity)
    assert found.evidence
    assert cure in found.cure
    for words in COMMAND.findall(found.cure):
        assert is_command(words.split()), words


def is_command(words: list[str]) -> bool:
    """Tell whether the command line begins with these words, as far as they name commands."""
    known: Any = get_command(commands.app)
    for word in words:
        if not hasattr(known, "commands"):
            return True
        if word not in known.commands:
            return False
        known = known.commands[word]
    return True


def test_a_command_that_is_none_is_noticed() -> None:
    """In a cure, too: it would be of no use to anybody."""
    assert is_command(["jobs", "list"])
    assert is_command(["setup"])
    assert not is_command(["tops"])
    assert not is_command(["jobs", "lists"])


def test_cures_are_commands_that_there_are() -> None:
    """Whatever ``soniq …`` a cure names can be typed."""
    cures = [
        examine(check_id, change(healthy(backend))).cure
        for check_id, cases in RED.items()
        for backend, change, _, _ in cases
    ]
    typed = {
        match[0] for cure in cures for match in re.finditer(r"soniq [a-z].*?(?= && |  #|$)", cure)
    }
    assert len(typed) >= 8
    assert [one for one in typed if not any(f"{one} ".startswith(f"{c} ") for c in COMMANDS)] == []


def test_every_check_can_be_red() -> None:
    """There is none without a case in which it is."""
    assert set(RED) == set(CHECKS)
    assert all(RED.values())
    assert len(CHECKS) >= 24


@pytest.mark.parametrize(("check_id", "backend", "change"), GREEN)
def test_green(check_id: str, backend: str, change: Change) -> None:
    """It is no false alarm."""
    assert examine(check_id, change(healthy(backend))).severity == "ok"


@pytest.mark.parametrize(("check_id", "backend", "change", "why"), UNKNOWN)
def test_skipped(check_id: str, backend: str, change: Change, why: str) -> None:
    """What can't be known is not made up."""
    found = examine(check_id, change(healthy(backend)))
    assert (found.severity, found.cure) == ("skipped", "")
    assert why in found.evidence


def test_many_names_are_cut_short() -> None:
    """Evidence stays a line."""
    assert listed("abcde") == "a, b, c, d, e"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
