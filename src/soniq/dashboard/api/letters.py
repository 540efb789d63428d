"""Dead letters and the kinds of failures among them: search, look, replay, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from soniq.dashboard import deeds
from soniq.dashboard.api.endpoint import Call, Endpoint, acting
from soniq.dashboard.api.parameters import AFTER, LIMIT, QUERY
from soniq.failures import FailureGroup
from soniq.job import DeadLetter
from soniq.search import Found


async def search(call: Call) -> Found[DeadLetter]:
    """Return a page of dead letters, newest job first."""
    query = call.query
    return await call.dashboard.reading.letters(
        query["q"], limit=query["limit"], after=query["after"]
    )


@dataclass(frozen=True, slots=True)
class Failures:
    """The kinds of failures, the most frequent first.

    ``looked_at``: how many dead letters they were made of, the latest; ``complete``: those are all.
    """

    items: Sequence[FailureGroup]
    looked_at: int
    complete: bool


async def failures(call: Call) -> Failures:
    """Return the kinds of failures, as found among the latest dead letters."""
    return Failures(*await call.dashboard.reading.failures())


ENDPOINTS = [
    Endpoint(
        "/api/dead-letters", "Search dead letters, newest job first.", search, DeadLetter, "page",
        (QUERY, LIMIT, AFTER),
    ),
    acting("DELETE", "/api/dead-letters/{id}", "Delete a dead letter.", deeds.delete_letter),
    acting(
        "POST", "/api/dead-letters/{id}/replay", "Queue it again as a new job.",
        deeds.replay_letter,
    ),
    Endpoint(
        "/api/failures", "Dead letters by what they died of.", failures, Failures
    ),
]  # fmt: skip
