"""What to look for among jobs: conditions, and the words with qualifiers that spell them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from soniq.job import JobStatus

T = TypeVar("T")


class ArgumentIs(NamedTuple):
    """An argument, by the keys and indexes that lead to it, and its value as text.

    ``args.user.id:42`` is ``ArgumentIs(("user", "id"), "42")``; a string is compared without its
    quotes, any other value by its JSON text.
    """

    path: tuple[str, ...]
    value: str


@dataclass(frozen=True, slots=True)
class JobSearch:
    """Conditions that all have to hold; None (or nothing) where there is none.

    Text is compared exactly, but for ``error`` and ``text``, which are contained without regard to
    case. A ``name`` that ends in ``*`` stands for all that begin like that. ``worker`` is the
    beginning of a worker's id. ``text`` is a part of the name, or the beginning of the id.
    ``older_than`` and ``younger_than`` are seconds since the job was created. ``reason`` is that
    of a dead letter.
    """

    queue: str | None = None
    status: JobStatus | None = None
    name: str | None = None
    worker: str | None = None
    error: str | None = None
    args: tuple[ArgumentIs, ...] = ()
    attempts_from: int | None = None
    attempts_to: int | None = None
    older_than: float | None = None
    younger_than: float | None = None
    text: str | None = None
    reason: str | None = None


class Found(NamedTuple, Generic[T]):
    """One page of a search, newest first.

    ``looked_at``: how many rows were looked at for it, matching or not. ``next``: the id to give as
    ``after`` to go on; None where nothing is left. A page may hold fewer than were wanted, even
    none, and still have a ``next``: then as many rows as may be had been looked at.
    """

    items: list[T]
    looked_at: int
    next: str | None
