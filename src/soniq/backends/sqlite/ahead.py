"""Count who comes before a job in the order of claims, along the claim index and up to a bound."""

from __future__ import annotations

from sqlite3 import Connection

from soniq.backends.sqlite.claim import priorities
from soniq.backends.sqlite.queries import sql
from soniq.standing import Ahead

# Sorts behind every id: with a moment in front, all that is due then comes before it.
BEYOND_IDS = "g"


def ahead(connection: Connection, job_id: str, *, now: str, bound: int) -> Ahead | None:
    """Return how many due jobs of its queue come before a QUEUED one; None if it is not queued."""
    own = connection.execute(sql("jobs/place"), {"id": job_id}).fetchone()
    if own is None:
        return None
    queue, own_priority, due = own
    everybody = (now, BEYOND_IDS)
    number = 0
    for priority in priorities(connection, queue):
        if priority > own_priority or number > bound:
            break
        end = everybody if priority < own_priority else min(everybody, (due, job_id))
        facts = {"queue": queue, "priority": priority, "due": end[0], "id": end[1]}
        # One more than are counted, to see whether there is one.
        facts["limit"] = bound + 1 - number
        number += connection.execute(sql("jobs/due_before"), facts).fetchone()[0]
    return Ahead.counted(number, bound)
