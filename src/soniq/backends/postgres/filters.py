"""What a search asks, as parameters of ``jobs/search`` and ``dead_letters/search``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import asyncpg

from soniq.backends import filters
from soniq.backends.ids import canonical
from soniq.backends.postgres import rows
from soniq.search import Found, JobSearch

T = TypeVar("T")


def parameters(search: JobSearch) -> tuple[object, ...]:
    """Return the conditions that jobs and dead letters have in common, in the statements' order."""
    return (
        search.queue,
        filters.exact_name(search),
        filters.name_prefix(search),
        search.worker,
        search.error,
        filters.arguments_json(search),
        filters.capped(search.attempts_from),
        filters.capped(search.attempts_to),
        seconds(search.older_than),
        seconds(search.younger_than),
        search.text,
    )


def seconds(age: float | None) -> float | None:
    """Return an age that leads to a moment within the calendar."""
    return None if age is None else max(-1e10, rows.within_calendar(age))


def page(records: Sequence[asyncpg.Record], value: Callable[[asyncpg.Record], T]) -> Found[T]:
    """Return the page that a search statement has found.

    Its last record may be the last row that was looked at, though that does not match.
    """
    if not records:
        return Found([], 0, None)
    items = [value(record) for record in records if record["matched"]]
    last = records[-1]
    return Found(items, last["place"], None if last["is_end"] else str(last["id"]))


def can_begin(search: JobSearch, after: str | None) -> bool:
    """Tell whether there can be anything to find after that id."""
    return filters.is_possible(search) and (after is None or canonical(after) is not None)
