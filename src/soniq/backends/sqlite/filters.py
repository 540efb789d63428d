"""Walk through jobs or dead letters for those that a search looks for, newest first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from itertools import islice
from sqlite3 import Connection
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from soniq.backends import filters
from soniq.backends.ids import canonical
from soniq.backends.sqlite.queries import sql
from soniq.backends.sqlite.rows import Record, text
from soniq.backends.times import later
from soniq.search import ArgumentIs, Found, JobSearch

if TYPE_CHECKING:
    from soniq.backends.sqlite.connection import Database

T = TypeVar("T")
Wanted = dict[str, str | int | None]
# So many rows at a time keep the one thread: whoever writes waits no longer for a search.
STRIDE = 2000


class Stretch(NamedTuple):
    """What a part of the walk has found; ``last``: the id of the last row that was looked at.

    ``ended``: there is no row after it.
    """

    records: list[Record]
    looked_at: int
    last: str | None
    ended: bool


def register(connection: Connection) -> None:
    """Give a connection the function that search statements call."""
    connection.create_function("soniq_holds", 2, soniq_holds, deterministic=True)


def soniq_holds(args: str | None, conditions: str) -> bool:
    """Tell whether arguments fulfil the conditions, both as JSON text.

    SQLite's own functions have no way to say which key is meant where one holds quotes, and read
    large integers as floats.
    """
    return filters.holds(args or "", read_conditions(conditions))


@lru_cache(maxsize=16)
def read_conditions(conditions: str) -> tuple[ArgumentIs, ...]:
    """Return the conditions that ``filters.arguments_json`` has written."""
    return tuple(ArgumentIs(tuple(one["path"]), one["value"]) for one in json.loads(conditions))


def parameters(search: JobSearch, now: datetime) -> Wanted:
    """Return the conditions that jobs and dead letters have in common."""
    older, younger = search.older_than, search.younger_than
    return {
        "queue": search.queue,
        "name": filters.exact_name(search),
        "prefix": filters.name_prefix(search),
        "worker": search.worker,
        "error": search.error,
        "args": filters.arguments_json(search),
        "attempts_from": filters.capped(search.attempts_from),
        "attempts_to": filters.capped(search.attempts_to),
        "before": None if older is None else text(later(now, -older)),
        "since": None if younger is None else text(later(now, -younger)),
        "text": search.text,
    }


def can_begin(search: JobSearch, after: str | None) -> bool:
    """Tell whether there can be anything to find after that id."""
    return filters.is_possible(search) and (after is None or canonical(after) is not None)


async def walk(
    database: Database,
    table: str,
    wanted: Wanted,
    *,
    limit: int,
    after: str | None,
    window: int,
    value: Callable[[Record], T],
) -> Found[T]:
    """Return what matches among the next ``window`` rows of a table, ``limit`` at most.

    ``table``: the store, whose statements ``search`` and ``get`` are used.
    """
    items: list[T] = []
    looked_at, last = 0, after and canonical(after)
    while True:
        most, room = min(STRIDE, window - looked_at), limit - len(items)
        # One more than are looked at, to see whether there is one.
        step = {**wanted, "after": last, "most": most + 1}
        stretch = await database.read(partial(go, table=table, step=step, most=most, room=room))
        items += map(value, stretch.records)
        looked_at += stretch.looked_at
        last = stretch.last
        if stretch.ended or len(items) == limit or looked_at == window:
            return Found(items, looked_at, None if stretch.ended else last)


def go(connection: Connection, *, table: str, step: Wanted, most: int, room: int) -> Stretch:
    """Look at ``most`` rows at most, until ``room`` of them match."""
    found: list[str] = []
    looked_at, last = 0, None
    rows = connection.execute(sql(f"{table}/search"), step)
    for last, matched in islice(rows, most):
        looked_at += 1
        if matched:
            found.append(last)
            if len(found) == room:
                break
    ended = rows.fetchone() is None
    rows.close()
    get = sql(f"{table}/get")
    records = (connection.execute(get, {"id": key}).fetchone() for key in found)
    # Another process may have deleted one meanwhile.
    return Stretch([record for record in records if record], looked_at, last, ended)
