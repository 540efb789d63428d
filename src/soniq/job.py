"""What a row means: a job as asked for, as claimed, as looked at, and as a dead letter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, cast


class JobStatus(StrEnum):
    """The states that a row of ``soniq_jobs`` can be in.

    A job that has used up its attempts is in none of them: it has moved to
    ``soniq_dead_letter_jobs``.
    """

    QUEUED = "queued"
    PROCESSING = "processing"
    DONE = "done"
    CANCELLED = "cancelled"


# A tuple is made several times faster than a frozen dataclass, and taken apart by columns at once.
class NewJob(NamedTuple):
    """A job on its way into the database; everything about it is decided.

    ``args`` is JSON text, and so are ``headers``, if any: what travels beside the arguments, an
    object of texts. The job is due at ``scheduled_at`` (aware UTC) or ``delay`` seconds from
    now by the database's clock; with neither, or with a moment in the past, it is due at once.
    """

    id: str
    job_name: str
    queue: str
    priority: int
    args: str
    max_attempts: int
    scheduled_at: datetime | None = None
    delay: float = 0.0
    unique_key: str | None = None
    headers: str | None = None


class ClaimedJob(NamedTuple):
    """A job that a worker has just taken: what it needs to run it, and the fence to settle it.

    ``attempt`` counts the runs that count (from 1). ``fence`` rises with every claim and never
    falls; a write that names an old fence changes nothing. ``crashes`` counts the earlier runs that
    ended with their process. ``headers``: JSON text, see ``read_headers``.
    """

    id: str
    job_name: str
    queue: str
    args: str
    attempt: int
    max_attempts: int
    fence: int
    scheduled_at: datetime
    created_at: datetime
    crashes: int = 0
    headers: str | None = None


def read_headers(text: str | None) -> dict[str, str]:
    """Return what travels beside the arguments of a job; nothing of what is no text by name."""
    if text is None:
        return {}
    try:
        headers: object = json.loads(text)
    except ValueError:  # nobody wrote it who wants to read it
        return {}
    if not isinstance(headers, dict):
        return {}
    given = cast("dict[str, object]", headers)  # the names of a JSON object are text
    return {name: value for name, value in given.items() if isinstance(value, str)}


class Row(Mapping[str, Any]):
    """A frozen record whose fields can be read as attributes, by name, or as a dict."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        """Return the field ``name``; KeyError for any other name."""
        if name not in self.__dataclass_fields__:  # type: ignore[attr-defined]
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        """Yield the field names."""
        return iter(field.name for field in fields(self))  # type: ignore[arg-type]

    def __len__(self) -> int:
        """Return the number of fields."""
        return len(fields(self))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Job(Row):
    """A job as it stood when it was read.

    Times are aware and in UTC. ``attempts`` counts the runs so far that count; ``result`` is what
    the handler returned (JSON); ``result_error`` says why a result could not be kept. ``headers``
    travel beside the arguments: see ``app.enqueue_middleware``.
    """

    id: str
    job_name: str
    queue: str
    priority: int
    status: JobStatus
    args: dict[str, Any]
    attempts: int
    max_attempts: int
    scheduled_at: datetime
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker_id: str | None = None
    result: Any = None
    result_error: str | None = None
    last_error: str | None = None
    last_traceback: str | None = None
    unique_key: str | None = None
    crashes: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, eq=False)
class DeadLetter(Row):
    """A job that will not run again by itself, with everything known about why.

    ``reason`` is one of ``max_retries_exceeded``, ``timeout``, ``permanent_failure``,
    ``invalid_arguments``, ``job_not_found``, ``worker_crashed``.
    """

    id: str
    job_name: str
    queue: str
    priority: int
    args: dict[str, Any]
    attempts: int
    max_attempts: int
    reason: str
    scheduled_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime
    worker_id: str | None
    last_error: str | None
    last_traceback: str | None
    crashes: int = 0
    resurrection_count: int = 0
    resurrected_at: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Worker(Row):
    """A worker process: who it is and until when it is believed to be alive (UTC).

    ``wish``: what an operator has asked of it, ``quiet`` (claim no more) or ``stop`` (end as by
    SIGTERM), or None. ``running`` jobs, ``memory_bytes`` (resident) and ``loop_lag`` (seconds by
    which its event loop was late) are as of ``renewed_at``; None where that is not known.
    """

    id: str
    hostname: str
    pid: int
    queues: tuple[str, ...] | None
    concurrency: int
    tasks: tuple[str, ...]
    started_at: datetime
    renewed_at: datetime
    expires_at: datetime
    alive: bool
    version: str = ""
    wish: str | None = None
    running: int = 0
    memory_bytes: int | None = None
    loop_lag: float | None = None
