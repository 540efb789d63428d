"""Jobs that nobody runs or knows any more: back into the queue, or to the dead letters."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from sqlite3 import Connection

from soniq import crashpoints
from soniq.backends.contract import Rescued
from soniq.backends.sqlite.history import Ends, Run
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import Record, json_list, moment, text
from soniq.backends.sqlite.settle import BAD_ROW
from soniq.backends.sqlite.transactions import savepoint
from soniq.backends.times import later
from soniq.history import NOBODY, Group
from soniq.outcome import NOT_FOUND, Reason, is_guilty, worker_lost

logger = logging.getLogger("soniq.sqlite")


def rescue(
    connection: Connection, *, max_crashes: int, now: datetime, rollups: bool
) -> list[Rescued]:
    """Take back the jobs of workers that are gone, each on its own."""
    orphans = connection.execute(sql("jobs/orphans"), {"now": text(now)}).fetchall()
    rescued: list[Rescued] = []
    for orphan in orphans:
        try:
            with savepoint(connection):
                ends = Ends(now, counting=rollups)
                one = rescue_one(connection, orphan, max_crashes=max_crashes, now=now, ends=ends)
                ends.write(connection)
            rescued.append(one)
        except BAD_ROW:
            logger.exception("Job %s can't be rescued; the others are", orphan[0])
        if crashpoints.ARMED:
            crashpoints.passed("rescue.between_rows")
    return rescued


def rescue_one(
    connection: Connection, orphan: Record, *, max_crashes: int, now: datetime, ends: Ends
) -> Rescued:
    """Queue the job again, or bury it when it has crashed too often."""
    job_id, job_name, queue, worker_id, crashes, cancelled, isolated, *run = orphan
    failure = worker_lost(worker_id)
    facts = {
        "id": job_id,
        "now": text(now),
        "reason": Reason.WORKER_CRASHED,
        "last_error": failure.summary,
    }
    buried = not cancelled and is_guilty(crashes, max_crashes, isolated=bool(isolated))
    for verb in ("jobs/bury_crashed", "jobs/remove") if buried else ("jobs/rescue",):
        connection.execute(sql(verb), facts)
    fence, attempt, due, started_at = run
    name = "bury" if buried else "cancel" if cancelled else "crash"
    ended = Run(job_id, fence, attempt, moment(due), started_at)
    ends.keep(ended, Group(worker_id, queue, job_name, name), failure)
    return Rescued(job_id, job_name, queue, worker_id, buried, bool(cancelled))


def bury_unknown(
    connection: Connection, names: Collection[str], *, grace: float, now: datetime, ends: Ends
) -> int:
    """Bury jobs of these names that are long due and that no living worker knows."""
    known = {name for (name,) in connection.execute(sql("workers/tasks"), {"now": text(now)})}
    due_before = text(later(now, -grace))
    wanted = {"names": json_list(set(names) - known), "due_before": due_before}
    found = connection.execute(sql("jobs/strangers"), wanted).fetchall()
    rows = [
        {
            "id": job_id,
            "now": text(now),
            "reason": Reason.JOB_NOT_FOUND,
            "last_error": NOT_FOUND.summary,
        }
        for job_id, _, _, _ in found
    ]
    connection.executemany(sql("jobs/bury_unknown"), rows)
    connection.executemany(sql("jobs/remove"), rows)
    for _, queue, job_name, due in found:
        ends.count(Group(NOBODY, queue, job_name, "bury"), moment(due), None)
    ends.write(connection)
    return len(rows)
