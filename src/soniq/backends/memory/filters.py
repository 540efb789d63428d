"""Whether a row of the memory backend is what a search looks for, be it a job or a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase

from soniq.backends import filters
from soniq.backends.ids import canonical
from soniq.backends.memory.tables import JobRow
from soniq.backends.times import later
from soniq.search import Found, JobSearch

Condition = Callable[[JobRow], bool]
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def matcher(search: JobSearch, now: datetime) -> Condition:
    """Return what tells whether a row matches, as of ``now``; status and reason are the store's."""
    conditions = [*of_text(search), *of_numbers(search, now)]
    if search.args:
        conditions.append(lambda row: filters.holds(row.args, search.args))
    return lambda row: all(condition(row) for condition in conditions)


def of_text(search: JobSearch) -> list[Condition]:
    """Return the conditions on what is text."""
    found: list[Condition] = []
    name, prefix = filters.exact_name(search), filters.name_prefix(search)
    if search.queue is not None:
        found.append(lambda row: row.queue == search.queue)
    if name is not None:
        found.append(lambda row: row.job_name == name)
    if prefix is not None:
        found.append(lambda row: row.job_name.startswith(prefix))
    if (worker := search.worker) is not None:
        found.append(lambda row: row.worker_id is not None and row.worker_id.startswith(worker))
    if search.error is not None:
        error = lower(search.error)
        found.append(lambda row: row.last_error is not None and error in lower(row.last_error))
    if search.text is not None:
        text = lower(search.text)
        found.append(lambda row: text in lower(row.job_name) or row.id.startswith(text))
    return found


def lower(text: str) -> str:
    """Return text with A to Z in lower case, and everything else as it is."""
    return text.translate(LOWER)


def of_numbers(search: JobSearch, now: datetime) -> list[Condition]:
    """Return the conditions on attempts and ages."""
    found: list[Condition] = []
    if (least := search.attempts_from) is not None:
        found.append(lambda row: row.attempts >= least)
    if (most := search.attempts_to) is not None:
        found.append(lambda row: row.attempts <= most)
    if search.older_than is not None:
        before = later(now, -search.older_than)
        found.append(lambda row: row.created_at < before)
    if search.younger_than is not None:
        after = later(now, -search.younger_than)
        found.append(lambda row: row.created_at > after)
    return found


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
