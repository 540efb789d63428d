"""Checks of what keeps a PostgreSQL database quick: vacuum, statistics, who stands in its way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from soniq.doctor.case import Case
from soniq.doctor.check import POSTGRES, check
from soniq.doctor.finding import Verdict, error, ok, warning
from soniq.doctor.words import listed, literal, share, size, span

Holder = Mapping[str, Any]

LONG_SNAPSHOT = timedelta(minutes=10).total_seconds()
ENDLESS_SNAPSHOT = timedelta(hours=1).total_seconds()
# Where since when is hidden: transactions that have begun since.
FAR_BEHIND = 1_000_000
LAGGING_BYTES = 1024**3
# Autovacuum begins to freeze at autovacuum_freeze_max_age; at two billions the server stops.
FREEZE_OVERDUE = 2.0
NEARLY_OUT = 1_200_000_000
FEW_ROWS = 10_000
MANY_DEAD = 0.3


@check("autovacuum", "Autovacuum", backends=POSTGRES)
def autovacuum(case: Case) -> Verdict:
    """Look whether anybody removes the dead rows that every job leaves behind."""
    if not case.fact("autovacuum"):
        return error(
            "autovacuum is off: dead rows pile up, and claims become slower and slower",
            "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();",
        )
    if not case.fact("track_counts"):
        return error(
            "track_counts is off: autovacuum does not see what is to do",
            "ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf();",
        )
    return ok("autovacuum and track_counts are on")


@check("table-autovacuum", "Autovacuum of each table", backends=POSTGRES)
def table_autovacuum(case: Case) -> Verdict:
    """Look for tables for which somebody has turned it off."""
    tables: list[str] = case.fact("unattended_tables")
    if tables:
        cures = (f"ALTER TABLE {name} RESET (autovacuum_enabled);" for name in tables)
        return error(f"it is turned off for {listed(tables)}", " ".join(cures))
    return ok("it is turned off for none")


@check("unlogged-table", "Tables that a crash empties", backends=POSTGRES)
def unlogged_table(case: Case) -> Verdict:
    """Look for tables that are empty after a crash of the server."""
    tables: list[str] = case.fact("unlogged_tables")
    if tables:
        cures = (f"ALTER TABLE {name} SET LOGGED;" for name in tables)
        return error(f"empty after a crash of the server: {listed(tables)}", " ".join(cures))
    return ok("none is unlogged")


@check("old-snapshot", "Transactions that stay open", backends=POSTGRES)
def old_snapshot(case: Case) -> Verdict:
    """Look for transactions that make claims walk past more and more dead rows."""
    sessions = [one for one in case.fact("snapshots") if one["kind"] == "session"]
    old = [one for one in sessions if is_old(one)]
    if not old:
        return ok("none of those that are open is older than 10 minutes")
    told = listed(describe(one) for one in old)
    cures = (f"SELECT pg_terminate_backend({one['name']});" for one in old[:3])
    if any((one["seconds"] or 0) >= ENDLESS_SNAPSHOT for one in old):
        return error(told, " ".join(cures))
    return warning(told, " ".join(cures))


@check("prepared-transaction", "Prepared transactions", backends=POSTGRES)
def prepared_transaction(case: Case) -> Verdict:
    """Look for those that nobody ends: they outlast restarts, and keep dead rows."""
    prepared = [one for one in case.fact("snapshots") if one["kind"] != "session"]
    old = [one for one in prepared if is_old(one)]
    if not old:
        return ok(f"{len(prepared)} prepared, none older than 10 minutes")
    cures = (f"ROLLBACK PREPARED {literal(one['name'])};" for one in old[:3])
    return warning(listed(describe(one) for one in old), " ".join(cures))


def is_old(holder: Holder) -> bool:
    """Tell whether somebody has kept dead rows for long."""
    if holder["seconds"] is None:
        return bool(holder["transactions"] >= FAR_BEHIND)
    return bool(holder["seconds"] >= LONG_SNAPSHOT)


def describe(holder: Holder) -> str:
    """Return who has kept dead rows, and for how long."""
    known = ", ".join(part for part in (holder["application"], holder["state"]) if part)
    since = (
        f"{holder['transactions']:,} transactions"
        if holder["seconds"] is None
        else span(holder["seconds"])
    )
    return f"{holder['kind']} {holder['name']}{f' ({known})' if known else ''}: {since}"


@check("replication-slot", "Replication slots", backends=POSTGRES)
def replication_slot(case: Case) -> Verdict:
    """Look for slots that nobody reads: they keep log until the disk is full."""
    lagging = [
        one
        for one in case.fact("slots")
        if (one["bytes"] or 0) >= LAGGING_BYTES or (one["transactions"] or 0) >= FAR_BEHIND
    ]
    if not lagging:
        return ok("none keeps more than 1 GiB of log")
    told = listed(
        f"{one['name']} ({'active' if one['active'] else 'not active'}) keeps "
        f"{size(one['bytes'] or 0)} of log"
        for one in lagging
    )
    idle = [one["name"] for one in lagging if not one["active"]]
    cures = [f"SELECT pg_drop_replication_slot({literal(name)});" for name in idle]
    return warning(told, " ".join(cures) or "see why the subscriber is behind")


@check("transaction-age", "Age of the oldest rows", backends=POSTGRES)
def transaction_age(case: Case) -> Verdict:
    """Look how far it is to the two billion transactions at which the server stops."""
    age, most = case.fact("xid_age"), case.fact("autovacuum_freeze_max_age")
    told = f"the oldest rows are {age:,} transactions old; autovacuum freezes from {most:,} on"
    cure = "VACUUM (FREEZE);  -- after ending whatever old-snapshot names"
    if age >= NEARLY_OUT:
        return error(told, cure)
    return warning(told, cure) if age >= FREEZE_OVERDUE * most else ok(told)


@check("dead-rows", "Dead rows", backends=POSTGRES)
def dead_rows(case: Case) -> Verdict:
    """Look for large shares of dead rows, which slow down everything."""
    swollen = [
        table
        for table in case.tables
        if table.dead_rows >= FEW_ROWS
        and table.dead_rows >= MANY_DEAD * (table.rows + table.dead_rows)
    ]
    if not swollen:
        return ok("no table has many")
    told = listed(
        f"{one.name}: {one.dead_rows:,} of {one.rows + one.dead_rows:,} rows "
        f"({share(one.dead_rows, one.rows + one.dead_rows)})"
        for one in swollen
    )
    return warning(told, " ".join(f"VACUUM (ANALYZE) {one.name};" for one in swollen))


@check("statistics", "Statistics for the planner", backends=POSTGRES)
def statistics(case: Case) -> Verdict:
    """Look for tables with many rows that were never analyzed."""
    strange = [
        table.name for table in case.tables if table.rows >= FEW_ROWS and table.analyzed_at is None
    ]
    if strange:
        cures = (f"ANALYZE {name};" for name in strange)
        return warning(f"never analyzed: {listed(strange)}", " ".join(cures))
    return ok("every large table was analyzed")
