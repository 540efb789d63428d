"""Which dead letters are meant: by a search, a fingerprint, and whether they were replayed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from soniq import paging
from soniq.backends.operator_contract import Burial, DeadLetterStore
from soniq.fingerprint import fingerprint
from soniq.job import DeadLetter
from soniq.search import Found, JobSearch

# Most fingerprints that are asked for are of what happened lately and often.
LOOKS = (500, 10_000)


class Waiting(NamedTuple):
    """A dead letter that is to be replayed."""

    id: str
    queue: str


@dataclass(frozen=True, slots=True)
class Matching:
    """All have to hold; None where there is no such condition.

    ``replayed``: only those that were replayed at least once (True), or never (False).
    ``ended_until``: only those that had ended by then.
    """

    search: JobSearch
    fingerprint: str | None = None
    replayed: bool | None = None
    ended_until: datetime | None = None

    @property
    def is_search(self) -> bool:
        """Tell whether the search says it all."""
        return self == Matching(self.search)

    def fits(self, letter: DeadLetter) -> bool:
        """Tell whether a letter that the search has found is one of those that are meant."""
        if self.replayed not in {None, letter.resurrection_count > 0}:
            return False
        if self.ended_until is not None and letter.finished_at > self.ended_until:
            return False
        return self.fingerprint in {None, fingerprint_of(letter)}


def fingerprint_of(dead: DeadLetter) -> str:
    """Return the fingerprint of a dead letter."""
    return fingerprint(dead.last_error, job_name=dead.job_name, reason=dead.reason).id


def is_of(fingerprint_id: str, burial: Burial) -> bool:
    """Tell whether a burial has that fingerprint."""
    told = fingerprint(burial.error, job_name=burial.job_name, reason=burial.reason)
    return told.id == fingerprint_id


async def narrowed(matching: Matching, store: DeadLetterStore) -> Matching:
    """Return what means the same letters, and looks only among those of the same task and reason.

    Where no letter of the fingerprint is among the latest, all have to be looked at.
    """
    if matching.fingerprint is None:
        return matching
    for limit in LOOKS:
        for burial in await store.burials(limit=limit):
            if is_of(matching.fingerprint, burial):
                return replace(matching, search=within(matching.search, burial))
    return matching


def within(search: JobSearch, burial: Burial) -> JobSearch:
    """Return a search for what is of the task and reason of a burial."""
    name = search.name or burial.job_name
    return replace(search, name=name, reason=search.reason or burial.reason)


def reader(matching: Matching, store: DeadLetterStore) -> paging.Reader[DeadLetter]:
    """Return what reads the pages of those that are meant; a page may be empty and not the last."""
    looked_for: list[Matching] = []

    async def read(limit: int, after: str | None) -> Found[DeadLetter]:
        if not looked_for:
            looked_for.append(await narrowed(matching, store))
        page = await store.search(looked_for[0].search, limit=limit, after=after)
        return page._replace(items=[letter for letter in page.items if matching.fits(letter)])

    return read


async def oldest(read: paging.Reader[DeadLetter], number: int | None) -> list[Waiting]:
    """Return those that are meant, the oldest first: all, or the first so many."""
    found: deque[Waiting] = deque(maxlen=number)
    async for page in paging.pages(read):
        found.extend(Waiting(letter.id, letter.queue) for letter in page.items)
    found.reverse()
    return list(found)
