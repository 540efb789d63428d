"""``soniq status`` and ``soniq migrate-status``: how the database and its queues stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from soniq.cli import load, pace, render
from soniq.cli.exits import Exit
from soniq.cli.options import AsJson, Check, DatabaseUrl, counted
from soniq.cli.workers import state
from soniq.figures import NOTHING
from soniq.standing import Pause, QueueStanding

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.backends.contract import Migration
    from soniq.cli.pace import Pace
    from soniq.figures import Figures
    from soniq.job import Worker

# A worker that starts takes what waits within seconds; whoever restarts one needs no alarm.
UNSERVED_SECONDS = 10.0
# The columns that a narrow terminal does without.
WIDE = {"in/s": 100, "out/s": 100, "workers": 110}


@dataclass(frozen=True, slots=True)
class Report:
    """All that ``soniq status`` knows; ``now`` is by the database's clock.

    ``queues``, ``paces`` (by the minute) and ``last_hour`` (what has become of attempts)
    have the same keys.
    """

    database: str
    backend: str
    schema_version: int
    schema_pending: int
    now: datetime
    queues: Mapping[str, QueueStanding]
    paces: Mapping[str, Pace]
    last_hour: Mapping[str, Figures]
    workers: Sequence[Worker]

    @property
    def next_due_in(self) -> float | None:
        """Return the seconds until a worker finds something to do; None where nothing waits."""
        standings = [one for one in self.queues.values() if one.pause is None]
        if any(one.due for one in standings):
            return 0.0
        moments = [one.next_due_at for one in standings if one.next_due_at]
        return max(0.0, (min(moments) - self.now).total_seconds()) if moments else None


def status(
    database_url: DatabaseUrl = None, *, as_json: AsJson = False, only_check: Check = False
) -> None:
    """Show the database, its queues and its workers."""
    if only_check:
        check(database_url, as_json=as_json)
        return
    report = load.run(database_url, look)
    if as_json:
        render.document(document_of(report))
        return
    render.facts(headline(report))
    for shown in (queue_table(report), worker_table(report.workers)):
        render.gap()
        render.table(shown)
    if render.on_terminal() and not report.workers:
        render.remark("No worker is running. Start one with `soniq worker module:app`.")


def check(database_url: str | None, *, as_json: bool) -> None:
    """Name the queues whose due jobs nobody will run; exit code 3 where there are any.

    Counts nothing, so that it stays cheap whatever has piled up.
    """
    unserved = load.run(database_url, lambda app: app.queues.unserved(grace=UNSERVED_SECONDS))
    if as_json:
        problems = [{"queue": queue, "due_for": unserved[queue]} for queue in unserved]
        render.document({"ok": not problems, "problems": problems})
    else:
        rows = [(queue, f"due for {render.duration(unserved[queue])}") for queue in unserved]
        render.table(render.Table(("queue", "waits"), rows, key="unserved", folded=("queue",)))
        render.remark(describe_unserved(list(unserved)))
    if unserved:
        raise typer.Exit(Exit.PROBLEMS)


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
    workers = await app.list_workers()
    last_hour = await app.stats.by_queue()
    now = await app.stats.now()
    paces = await pace.look(app, now)
    queues = with_idle(await app.queues.list(), {*last_hour, *paces.queues}, workers)
    return Report(
        database=load.place_of(app),
        backend=app.backend.name,
        schema_version=schema_version(migrations),
        schema_pending=sum(migration.applied_at is None for migration in migrations),
        now=now,
        queues=queues,
        paces={name: paces.of(name) for name in queues},
        last_hour={name: last_hour.get(name, NOTHING) for name in queues},
        workers=workers,
    )


def with_idle(
    standings: Sequence[QueueStanding], named: Iterable[str], workers: Sequence[Worker]
) -> dict[str, QueueStanding]:
    """Return how queues stand, by name; also those that are ``named`` and have nothing in them."""
    serving = [one.queues for one in workers if one.alive and one.wish is None]

    def idle(queue: str) -> QueueStanding:
        served_by = sum(queues is None or queue in queues for queues in serving)
        return QueueStanding(queue, 0, 0, 0, 0, True, None, None, served_by, None)

    found = {one.queue: one for one in standings}
    return {name: found.get(name) or idle(name) for name in sorted({*found, *named})}


def schema_version(migrations: Sequence[Migration]) -> int:
    """Return the number of the last applied migration, 0 if there is none."""
    return max((m.version for m in migrations if m.applied_at is not None), default=0)


def document_of(report: Report) -> dict[str, object]:
    """Return the report as JSON tells it."""
    return {
        "database": report.database,
        "backend": report.backend,
        "schema_version": report.schema_version,
        "schema_pending": report.schema_pending,
        "now": report.now,
        "next_due_in": report.next_due_in,
        "queues": {
            name: {
                **standing,
                "in_rate": report.paces[name].in_rate,
                "out_rate": report.paces[name].out_rate,
                "last_hour": report.last_hour[name],
            }
            for name, standing in report.queues.items()
        },
        "workers": report.workers,
    }


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


def queue_table(report: Report) -> render.Table:
    """Return how every queue stands, and what has become of its attempts in the last hour."""
    columns = (
        "queue", "due", "later", "running", "dead", "oldest", "in/s", "out/s", "done/h", "failed/h",
        "workers", "paused",
    )  # fmt: skip
    rows = [
        (
            name,
            number(one.due, exact=one.exact),
            number(one.later, exact=one.exact),
            one.processing,
            number(one.dead_letter, exact=one.exact),
            since(one.oldest_due_at, report.now),
            report.paces[name].in_rate,
            report.paces[name].out_rate,
            report.last_hour[name].completed,
            report.last_hour[name].failed,
            one.served_by,
            describe_pause(one.pause, report.now),
        )
        for name, one in report.queues.items()
    ]
    return render.Table(
        columns, rows, key="queue", right=columns[1:-1], folded=("queue",), clipped=("paused",),
        wide=WIDE,
    )  # fmt: skip


def number(count: int, *, exact: bool) -> int:
    """Return a number as it is to be shown."""
    return count if exact or not count else render.About(count)


def since(moment: datetime | None, now: datetime) -> object:
    """Return for how long something has been so: for people in words, for programs since when."""
    if moment is None or not render.on_terminal():
        return moment
    return render.duration(max(0.0, (now - moment).total_seconds()))


def describe_pause(pause: Pause | None, now: datetime) -> object:
    """Return since when a queue is paused, by whom and why; for programs since when."""
    if pause is None or not render.on_terminal():
        return pause and pause.paused_at
    why = f": {pause.reason}" if pause.reason else ""
    return f"{since(pause.paused_at, now)} by {pause.paused_by}{why}"


def worker_table(workers: Sequence[Worker]) -> render.Table:
    """Return who is at work; an empty table where nobody is."""
    columns = ("worker", "host", "pid", "queues", "running", "concurrency", "state")
    rows = [
        (
            w.id[:8],
            w.hostname,
            str(w.pid),
            ", ".join(w.queues) if w.queues else "all",
            str(w.running),
            str(w.concurrency),
            state(w),
        )
        for w in workers
    ]
    numbers = ("pid", "running", "concurrency")
    return render.Table(columns, rows, key="worker", right=numbers, folded=("host", "queues"))
