"""Dead letters of the same failure, gathered into groups by their fingerprints. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from soniq.backends.operator_contract import Burial
from soniq.fingerprint import fingerprint
from soniq.job import Row


@dataclass(frozen=True, slots=True, eq=False)
class FailureGroup(Row):
    """Dead letters that are the same failure.

    ``error``: what their errors have in common, with … for what varies. ``count`` of them;
    ``replayed``: how many were replayed at least once. ``first_at`` and ``last_at``: when the first
    and the last of them ended. ``sample_id``: the last one.
    """

    fingerprint: str
    job_name: str
    reason: str
    error: str
    count: int
    replayed: int
    first_at: datetime
    last_at: datetime
    queues: tuple[str, ...]
    sample_id: str


class Groups(NamedTuple):
    """The failures, most frequent first.

    ``looked_at``: how many dead letters they were made of. ``complete``: these are all there are;
    otherwise they are the latest.
    """

    items: list[FailureGroup]
    looked_at: int
    complete: bool


@dataclass(slots=True)
class Gathering:
    """A group in the making."""

    error: str
    latest: Burial
    earliest: Burial
    count: int
    replayed: int
    queues: set[str]


class Groupings:
    """Gathers burials, the latest first, into groups."""

    def __init__(self) -> None:
        self._found: dict[str, Gathering] = {}

    def add(self, burials: Iterable[Burial]) -> None:
        """Take in some more, which ended before all that were taken in so far."""
        for burial in burials:
            key, error = fingerprint(burial.error, job_name=burial.job_name, reason=burial.reason)
            group = self._found.get(key)
            if group is None:
                group = self._found[key] = Gathering(error, burial, burial, 0, 0, set())
            group.earliest = burial
            group.count += 1
            group.replayed += burial.resurrection_count > 0
            group.queues.add(burial.queue)

    def groups(self) -> list[FailureGroup]:
        """Return the groups, most frequent first; of equal ones, the one that happened last."""
        found = [
            FailureGroup(
                fingerprint=key,
                job_name=group.latest.job_name,
                reason=group.latest.reason,
                error=group.error,
                count=group.count,
                replayed=group.replayed,
                first_at=group.earliest.finished_at,
                last_at=group.latest.finished_at,
                queues=tuple(sorted(group.queues)),
                sample_id=group.latest.id,
            )
            for key, group in self._found.items()
        ]
        found.sort(key=lambda group: (group.count, group.last_at, group.sample_id), reverse=True)
        return found
