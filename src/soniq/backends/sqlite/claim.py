"""Find the jobs that come next, without looking at more of the backlog than is taken.

The claim index is walked loosely: from one queue to the next, within a queue from one priority to
the next, and per priority only over what is due. So neither a long backlog nor a crowd of jobs
scheduled for tomorrow makes a claim slower.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection, Iterator
from itertools import islice
from sqlite3 import Connection

from soniq import crashpoints
from soniq.backends.contract import Queues
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import Record, claimed, json_list, text
from soniq.clock import Clock
from soniq.job import ClaimedJob

Facts = dict[str, str | int | None]


def claim(
    connection: Connection,
    queues: Queues,
    *,
    limit: int,
    worker: str,
    unknown: Collection[str],
    clock: Clock,
) -> list[ClaimedJob]:
    """Take up to ``limit`` due jobs for ``worker``, in the order of claims."""
    now = text(clock.now())
    wanted: Facts = {"now": now, "limit": limit, "unknown": json_list(unknown) if unknown else None}
    records = candidates(connection, queues, wanted)
    if not records:
        return []
    rows = json.dumps([record[3] for record in records])
    connection.execute(sql("jobs/claim"), {"rows": rows, "worker": worker, "now": now})
    if crashpoints.ARMED:
        crashpoints.passed("claim.before_commit")
    return [claimed(record) for record in records]


def due_at(connection: Connection, queues: Queues, unknown: Collection[str]) -> str | None:
    """Return the moment when the next queued job is due, as text; None if there is none."""
    wanted: Facts = {"unknown": json_list(unknown) if unknown else None}
    return min(
        (
            moment
            for queue in served(connection, queues)
            for priority in priorities(connection, queue)
            for (moment,) in connection.execute(
                sql("jobs/due_at"), wanted | {"queue": queue, "priority": priority}
            )
        ),
        default=None,
    )


def candidates(connection: Connection, queues: Queues, wanted: Facts) -> list[Record]:
    """Return the first due jobs over all of the queues, at most ``wanted["limit"]``."""
    walks = [due(connection, queue, wanted) for queue in served(connection, queues)]
    # Each walk is in order and lazy, so merging them reads little more than what is returned. A
    # record begins with priority, scheduled_at and id: it sorts in the order of claims.
    return list(islice(heapq.merge(*walks), int(wanted["limit"] or 0)))


def due(connection: Connection, queue: str, wanted: Facts) -> Iterator[Record]:
    """Yield the due jobs of one queue in the order of claims."""
    for priority in priorities(connection, queue):
        level = wanted | {"queue": queue, "priority": priority}
        yield from connection.execute(sql("jobs/claimable"), level)


def served(connection: Connection, queues: Queues) -> Iterator[str]:
    """Yield the queues to claim from, each once, none that is paused; for None all with jobs."""
    paused = {record[0] for record in connection.execute(sql("queues/paused"))}
    named = waiting(connection) if queues is None else dict.fromkeys(queues)
    yield from (queue for queue in named if queue not in paused)


def waiting(connection: Connection) -> Iterator[str]:
    """Yield the queues that have queued jobs, sorted."""
    queue: str | None = ""
    while queue is not None:
        (queue,) = connection.execute(sql("jobs/next_queue"), {"after": queue}).fetchone()
        if queue is not None:
            yield queue


def priorities(connection: Connection, queue: str) -> Iterator[int]:
    """Yield the priorities that have queued jobs in the queue, most urgent first."""
    priority: int | None = -1
    while priority is not None:
        step = {"queue": queue, "after": priority}
        (priority,) = connection.execute(sql("jobs/next_priority"), step).fetchone()
        if priority is not None:
            yield priority
