"""Whether a job in Python's hands is what a search looks for, as statements decide it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from string import ascii_lowercase, ascii_uppercase
from typing import Protocol

from soniq.backends import filters
from soniq.backends.times import later
from soniq.job import DeadLetter, Job
from soniq.search import JobSearch

LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


class Looked(Protocol):
    """What a row of jobs and a job that was read have in common."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def job_name(self) -> str:
        """Its task."""
        ...

    @property
    def queue(self) -> str:
        """Its queue."""
        ...

    @property
    def worker_id(self) -> str | None:
        """Who runs it, or ran it last."""
        ...

    @property
    def last_error(self) -> str | None:
        """What went wrong last."""
        ...

    @property
    def attempts(self) -> int:
        """How many runs count."""
        ...

    @property
    def created_at(self) -> datetime:
        """When it was made."""
        ...


Condition = Callable[[Looked], bool]


def matches(search: JobSearch, job: Job | DeadLetter, now: datetime) -> bool:
    """Tell whether a job or dead letter that was read matches, as of ``now``.

    Its arguments are compared as Python writes them: 1.50 has become 1.5.
    """
    if isinstance(job, DeadLetter):
        is_so = search.status is None and search.reason in {None, job.reason}
    else:
        is_so = search.reason is None and search.status in {None, job.status}
    return (
        is_so
        and all(condition(job) for condition in (*of_text(search), *of_numbers(search, now)))
        and all(filters.spelled_at(job.args, path) == value for path, value in search.args)
    )


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
