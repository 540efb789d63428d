"""How queues stand, never counting all that waits: a bounded part, and a sample of the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import asyncpg

from soniq.backends.postgres import rows
from soniq.backends.postgres.pool import Database
from soniq.standing import QueueStanding

# Where too many wait to count all, up to so many of one kind (due, later) are told as they are.
FEW = 1000


async def standings(db: Database, now: datetime | None, bound: int) -> list[QueueStanding]:
    """Return how every queue stands, having looked at no more than a bounded part of each."""
    records = await by_queue(db, "stats/standings", now, bound)
    found = {queue: standing(record) for queue, record in records.items()}
    # The largest number of jobs that were counted in a queue, where there were more.
    crowds = {
        queue: record["most"]
        for queue, record in records.items()
        if record["most"] is not None and record["due"] + record["later"] > record["most"]
    }
    if crowds:
        few = min(FEW, *crowds.values())
        counted = await by_queue(db, "stats/crowded", now, list(crowds), few)
        sampled = await by_queue(db, "stats/sample", now, list(crowds))
        for queue in crowds:
            found[queue] = crowded(found[queue], counted.get(queue), sampled.get(queue), few)
    if sum(one.dead_letter for one in found.values()) >= bound:
        sampled = await by_queue(db, "stats/sample_dead_letters")
        for queue in found.keys() & sampled.keys():
            least = found[queue].dead_letter
            many = max(least, sampled[queue]["dead_letter"])
            found[queue] = replace(found[queue], dead_letter=many, exact=False)
    return [found[queue] for queue in sorted(found)]


async def by_queue(db: Database, verb: str, *args: object) -> dict[str, asyncpg.Record]:
    """Return the records of a statement by their queues."""
    return {record["queue"]: record for record in await db.fetch(verb, *args)}


def standing(record: asyncpg.Record) -> QueueStanding:
    """Return how a queue stands by what was counted in it."""
    return QueueStanding(
        queue=record["queue"],
        due=record["due"],
        later=record["later"],
        processing=record["processing"],
        dead_letter=record["dead_letter"],
        exact=True,
        oldest_due_at=record["oldest_due_at"],
        next_due_at=record["next_due_at"],
        served_by=record["served_by"],
        pause=None if record["paused_at"] is None else rows.pause(record),
    )


def crowded(
    first: QueueStanding,
    counted: asyncpg.Record | None,
    sampled: asyncpg.Record | None,
    few: int,
) -> QueueStanding:
    """Return how a queue stands of which only the ``first`` jobs were counted.

    ``counted``: due and later ones, each up to ``few``; ``sampled``: estimates. Either is None
    where the queue has no such jobs (any more).
    """
    if counted is None:
        return replace(first, exact=False)

    def number(kind: str, least: int) -> int:
        found: int = counted[kind]
        guess: int = sampled[kind] if sampled and found >= few else 0
        return max(least, found, guess)

    return replace(
        first,
        due=number("due", first.due),
        later=number("later", first.later),
        exact=False,
        oldest_due_at=counted["oldest_due_at"],
        next_due_at=counted["next_due_at"],
    )
