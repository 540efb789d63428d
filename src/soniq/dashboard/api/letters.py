"""Dead letters and the kinds of failures among them: search, look, replay, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from soniq.dashboard import deeds
from soniq.dashboard.api.endpoint import Call, Endpoint, acting
from soniq.dashboard.api.parameters import AFTER, LIMIT, QUERY
from soniq.dashboard.shown import shown_job
from soniq.failures import FailureGroup
from soniq.job import DeadLetter
from soniq.search import Found


async def search(call: Call) -> Found[Any]:
    """Return a page of dead letters, newest job first."""
    found = await call.dashboard.soniq.dead_letter.search(
        call.query["q"], limit=call.query["limit"], after=call.query["after"]
    )
    return Found([shown_job(call.dashboard, letter) for letter in found.items], *found[1:])


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
    return Failures(*await call.dashboard.live.failures())


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
