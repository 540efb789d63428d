"""Lay out counted states as the table that ``StatsStore.queues`` promises."""

from __future__ import annotations

from collections.abc import Iterable

STATES = ("queued", "processing", "done", "cancelled", "dead_letter")


def by_queue(counted: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    """Return per queue, sorted: the total and the number in each state, 0 where none.

    ``counted`` holds (queue, state, number).
    """
    table: dict[str, dict[str, int]] = {}
    for queue, state, number in sorted(counted):
        row = table.setdefault(queue, {"total": 0} | dict.fromkeys(STATES, 0))
        row[state] += number
        row["total"] += number
    return table
