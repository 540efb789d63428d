"""How queues stand in a SQLite file: counted along the claim index, up to a bound that is wide."""

from __future__ import annotations

from datetime import datetime
from sqlite3 import Connection
from typing import NamedTuple

from soniq.backends.sqlite.claim import priorities, waiting
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import moment_or_none, pause, text
from soniq.backends.sqlite.rows import worker as worker_of
from soniq.standing import QueueStanding

# An entry of an index is counted within 100 ns: half a million of them before a person notices.
GENEROSITY = 50


class Waiting(NamedTuple):
    """What waits in one queue."""

    due: int = 0
    later: int = 0
    exact: bool = True
    oldest_due_at: str | None = None
    next_due_at: str | None = None


def standings(connection: Connection, now: datetime, bound: int) -> list[QueueStanding]:
    """Return how every queue stands: ``bound`` jobs of each, in all some 50 times as many."""
    jobs = look_at_all(connection, text(now), bound)
    processing = dict(connection.execute(sql("stats/processing")).fetchall())
    dead, all_dead = dead_letters(connection, bound)
    paused = {one.queue: one for one in map(pause, connection.execute(sql("queues/paused")))}
    workers = map(worker_of, connection.execute(sql("workers/find"), {"now": text(now)}))
    serving = [one.queues for one in workers if one.alive and one.wish is None]

    def standing(queue: str) -> QueueStanding:
        found = jobs.get(queue, Waiting())
        return QueueStanding(
            queue=queue,
            due=found.due,
            later=found.later,
            processing=processing.get(queue, 0),
            dead_letter=dead.get(queue, 0),
            exact=found.exact and (all_dead or queue not in dead),
            oldest_due_at=moment_or_none(found.oldest_due_at),
            next_due_at=moment_or_none(found.next_due_at),
            served_by=sum(named is None or queue in named for named in serving),
            pause=paused.get(queue),
        )

    return [standing(queue) for queue in sorted({*jobs, *processing, *dead, *paused})]


def look_at_all(connection: Connection, now: str, bound: int) -> dict[str, Waiting]:
    """Return what waits in each queue; those with more than the bound share what may be spent."""
    found = {queue: look(connection, queue, now, bound) for queue in waiting(connection)}
    crowds = [queue for queue, one in found.items() if not one.exact]
    spent = sum(one.due + one.later for one in found.values())
    most = (bound * GENEROSITY - spent) // max(1, len(crowds))
    more = {queue: look(connection, queue, now, most) for queue in crowds if most > bound}
    return found | more


def look(connection: Connection, queue: str, now: str, most: int) -> Waiting:
    """Return what waits in a queue; once more than ``most`` are counted, counting ends."""
    due = later = 0
    oldest: list[str] = []
    following: list[str] = []
    for priority in priorities(connection, queue):
        room = max(0, most + 1 - due - later)
        level = {"queue": queue, "priority": priority, "now": now, "room": room}
        (more_due, more_later, first_due, first_later) = connection.execute(
            sql("stats/level"), level
        ).fetchone()
        due, later = due + more_due, later + more_later
        oldest += [first_due] if first_due else []
        following += [first_later] if first_later else []
    return Waiting(
        due, later, due + later <= most, min(oldest, default=None), min(following, default=None)
    )


def dead_letters(connection: Connection, bound: int) -> tuple[dict[str, int], bool]:
    """Return how many dead letters each queue has, and whether that is exact.

    Where there are more than the bound allows, the latest ones stand for all.
    """
    most = bound * GENEROSITY // 5
    found = dict(connection.execute(sql("stats/dead_letters"), {"most": most}).fetchall())
    counted = sum(found.values())
    if counted < most:
        return found, True
    (in_all,) = connection.execute(sql("stats/all_dead_letters")).fetchone()
    return {queue: number * in_all // counted for queue, number in found.items()}, False
