"""Whether a row of the memory backend is what a search looks for, be it a job or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from soniq.backends import filters
from soniq.backends.conditions import of_numbers, of_text
from soniq.backends.ids import canonical
from soniq.backends.memory.tables import JobRow
from soniq.search import Found, JobSearch


def matcher(search: JobSearch, now: datetime) -> Callable[[JobRow], bool]:
    """Return what tells whether a row matches, as of ``now``; status and reason are the store's."""
    conditions: list[Callable[[JobRow], bool]] = [*of_text(search), *of_numbers(search, now)]
    if search.args:
        conditions.append(lambda row: filters.holds(row.args, search.args))
    return lambda row: all(condition(row) for condition in conditions)


def walk(
    ids: Iterable[str], matches: Callable[[str], bool], limit: int, after: str | None, window: int
) -> Found[str]:
    """Return which of the next ``window`` ids match, newest first, ``limit`` at most."""
    start = None if after is None else canonical(after)
    if after is not None and start is None:
        return Found([], 0, None)
    left = sorted((key for key in ids if start is None or key < start), reverse=True)
    found: list[str] = []
    looked_at = 0
    for key in left[:window]:
        looked_at += 1
        if matches(key):
            found.append(key)
            if len(found) == limit:
                break
    ended = looked_at == len(left)
    return Found(found, looked_at, None if ended else left[looked_at - 1])
