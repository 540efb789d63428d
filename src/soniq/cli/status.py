"""``soniq status`` and ``soniq migrate-status``: how the database and its queues stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from soniq.cli import load, render
from soniq.cli.exits import Exit
from soniq.cli.options import AsJson, Check, DatabaseUrl, counted

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.backends.contract import Migration
    from soniq.job import Worker

STATES = ("queued", "processing", "done", "cancelled", "dead_letter", "total")
# A worker that starts takes what waits within seconds; whoever restarts one needs no alarm.
UNSERVED_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    """All that ``soniq status`` knows; ``next_due_in`` in seconds, None where nothing waits."""

    database: str
    backend: str
    schema_version: int
    schema_pending: int
    queues: Mapping[str, Mapping[str, int]]
    workers: Sequence[Worker]
    next_due_in: float | None


def status(
    database_url: DatabaseUrl = None, *, as_json: AsJson = False, only_check: Check = False
) -> None:
    """Show the database, its queues and its workers."""
    if only_check:
        check(database_url, as_json=as_json)
        return
    report = load.run(database_url, look)
    if as_json:
        render.document({**vars_of(report), "workers": list(map(dict, report.workers))})
        return
    render.facts(headline(report))
    for shown in (queue_table(report.queues), worker_table(report.workers)):
        render.gap()
        render.table(shown)
    if render.on_terminal() and not report.workers:
        render.remark("No worker is running. Start one with `soniq worker module:app`.")


def check(database_url: str | None, *, as_json: bool) -> None:
    """Name the queues whose due jobs nobody will run; exit code 3 where there are any.

    Counts nothing, so that it stays cheap whatever has piled up.
    """
    unserved = load.run(database_url, find_unserved)
    if as_json:
        problems = [{"queue": queue, "due_for": unserved[queue]} for queue in unserved]
        render.document({"ok": not problems, "problems": problems})
    else:
        rows = [(queue, f"due for {render.duration(unserved[queue])}") for queue in unserved]
        render.table(render.Table(("queue", "waits"), rows, key="unserved", folded=("queue",)))
        render.remark(describe_unserved(list(unserved)))
    if unserved:
        raise typer.Exit(Exit.PROBLEMS)


async def find_unserved(app: Soniq) -> dict[str, float]:
    """Return the queues that nobody serves, and for how many seconds their jobs have been due."""
    await app.ensure_initialized()
    return await app.backend.stats.unserved(grace=UNSERVED_SECONDS)


def describe_unserved(queues: Sequence[str]) -> str:
    """Return what the check has found, and the cure."""
    if not queues:
        return "Every queue with due jobs has a living worker."
    return (
        f"No living worker serves {counted(len(queues), 'queue')} with due jobs. Start one: "
        f"`soniq worker module:app --queues {','.join(queues)}`, or without --queues for all."
    )


def migrate_status(database_url: DatabaseUrl = None, *, as_json: AsJson = False) -> None:
    """Show the steps of the schema; exit code 3 where one is pending."""
    url = database_url or load.default_file()
    migrations = load.run_unchecked(url, lambda app: app.migrations())
    pending = [migration for migration in migrations if migration.applied_at is None]
    if as_json:
        render.document([asdict(migration) for migration in migrations])
    else:
        rows = [(f"{m.version:04}", m.name, m.applied_at or "pending") for m in migrations]
        render.table(render.Table(("version", "name", "applied at"), rows))
    if pending:
        count = counted(len(pending), "migration")
        render.remark(f"Pending: {count}. Run `soniq setup` to apply.")
        raise typer.Exit(Exit.PROBLEMS)


async def look(app: Soniq) -> Report:
    """Read everything that the report needs."""
    migrations = await app.migrations()
    return Report(
        database=load.place_of(app),
        backend=app.backend.name,
        schema_version=schema_version(migrations),
        schema_pending=sum(migration.applied_at is None for migration in migrations),
        queues=await app.get_queue_stats(),
        workers=await app.list_workers(),
        next_due_in=await app.backend.jobs.due_in(None),
    )


def schema_version(migrations: Sequence[Migration]) -> int:
    """Return the number of the last applied migration, 0 if there is none."""
    return max((m.version for m in migrations if m.applied_at is not None), default=0)


def vars_of(report: Report) -> dict[str, object]:
    """Return the fields of a report by name, as they are."""
    return {name: getattr(report, name) for name in Report.__slots__}


def headline(report: Report) -> dict[str, object]:
    """Return the facts above the tables."""
    pending = report.schema_pending
    note = f", {pending} pending: run `soniq setup`" if pending else ""
    return {
        "database": report.database,
        "schema": f"version {report.schema_version}{note}",
        "next due": describe_due(report.next_due_in),
    }


def describe_due(seconds: float | None) -> str:
    """Return when the next waiting job may start, in words."""
    if seconds is None:
        return "nothing waits"
    return "now" if seconds < 1 else f"in {render.duration(seconds)}"


def queue_table(queues: Mapping[str, Mapping[str, int]]) -> render.Table:
    """Return the numbers of every queue."""
    columns = ("queue", "queued", "processing", "done", "cancelled", "dead", "total")
    rows = [(queue, *(numbers[state] for state in STATES)) for queue, numbers in queues.items()]
    return render.Table(columns, rows, key="queue", right=columns[1:], folded=("queue",))


def worker_table(workers: Sequence[Worker]) -> render.Table:
    """Return who is at work; an empty table where nobody is."""
    columns = ("worker", "host", "pid", "queues", "concurrency", "alive")
    rows = [
        (
            w.id[:8],
            w.hostname,
            str(w.pid),
            ", ".join(w.queues) if w.queues else "all",
            str(w.concurrency),
            w.alive,
        )
        for w in workers
    ]
    return render.Table(
        columns, rows, key="worker", right=("pid", "concurrency"), folded=("host", "queues")
    )
