"""Jobs that nobody runs or knows any more: back into the queue, or to the dead letters."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from sqlite3 import Connection

from soniq import crashpoints
from soniq.backends.contract import Rescued
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import Record, json_list, text
from soniq.backends.sqlite.settle import BAD_ROW
from soniq.backends.sqlite.transactions import savepoint
from soniq.backends.times import later
from soniq.outcome import NOT_FOUND, Reason, is_guilty, worker_lost

logger = logging.getLogger("soniq.sqlite")


def rescue(connection: Connection, *, max_crashes: int, now: datetime) -> list[Rescued]:
    """Take back the jobs of workers that are gone, each on its own."""
    orphans = connection.execute(sql("jobs/orphans"), {"now": text(now)}).fetchall()
    rescued: list[Rescued] = []
    for orphan in orphans:
        try:
            with savepoint(connection):
                rescued.append(rescue_one(connection, orphan, max_crashes=max_crashes, now=now))
        except BAD_ROW:
            logger.exception("Job %s can't be rescued; the others are", orphan[0])
        if crashpoints.ARMED:
            crashpoints.passed("rescue.between_rows")
    return rescued


def rescue_one(
    connection: Connection, orphan: Record, *, max_crashes: int, now: datetime
) -> Rescued:
    """Queue the job again, or bury it when it has crashed too often."""
    job_id, job_name, queue, worker_id, crashes, cancelled, isolated = orphan
    facts = {
        "id": job_id,
        "now": text(now),
        "reason": Reason.WORKER_CRASHED,
        "last_error": worker_lost(worker_id).summary,
    }
    buried = not cancelled and is_guilty(crashes, max_crashes, isolated=bool(isolated))
    for verb in ("jobs/bury_crashed", "jobs/remove") if buried else ("jobs/rescue",):
        connection.execute(sql(verb), facts)
    return Rescued(job_id, job_name, queue, worker_id, buried, bool(cancelled))


def bury_unknown(
    connection: Connection, names: Collection[str], *, grace: float, now: datetime
) -> int:
    """Bury jobs of these names that are long due and that no living worker knows."""
    known = {name for (name,) in connection.execute(sql("workers/tasks"), {"now": text(now)})}
    due_before = text(later(now, -grace))
    wanted = {"names": json_list(set(names) - known), "due_before": due_before}
    rows = [
        {
            "id": job_id,
            "now": text(now),
            "reason": Reason.JOB_NOT_FOUND,
            "last_error": NOT_FOUND.summary,
        }
        for (job_id,) in connection.execute(sql("jobs/strangers"), wanted).fetchall()
    ]
    connection.executemany(sql("jobs/bury_unknown"), rows)
    connection.executemany(sql("jobs/remove"), rows)
    return len(rows)
