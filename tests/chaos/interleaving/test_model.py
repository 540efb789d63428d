from __future__ import annotations

from collections import Counter

import pytest

from soniq.job import ClaimedJob, JobStatus
from tests.chaos.figures import figure
from tests.chaos.interleaving.serial import Case, End, Picture, cases, in_order
from tests.chaos.interleaving.verbs import MAX_CRASHES, STATES

ENDED = {JobStatus.DONE, JobStatus.CANCELLED}
SETTLING = {"complete", "retry", "snooze", "release", "bury", "confirm cancel"}


@pytest.mark.parametrize("state", STATES)
async def test_what_counts_as_lawful_keeps_the_laws(state: str) -> None:
    """The ends that others are measured by break no law themselves, in any order of two calls."""
    start = (await in_order(state, [])).picture
    found = await cases(state)
    broken = [
        f"{case}: {law} in {end}"
        for case in found
        for end in case.lawful
        for law, holds in laws(case, start, end).items()
        if not holds
    ]
    figure(
        "interleaving",
        backend="memory",
        state=state,
        pairs=len(found),
        schedules=sum(len(case.lawful) for case in found),
    )
    assert broken == []


def laws(case: Case, start: Picture, end: End) -> dict[str, bool]:
    """Return the laws, each with whether it holds."""
    jobs = end.picture.jobs
    claims = Counter(job.id for answer in end.answers for job in claimed(answer))
    both = start.jobs.keys() & start.dead_letters.keys()
    holders = Counter(
        row["unique_key"]
        for row in jobs.values()
        if row["unique_key"] is not None and row["status"] is JobStatus.QUEUED
    )
    settled = [verb for verb, answer in pairs(case, end) if verb in SETTLING and answer]
    return {
        "one place": jobs.keys() & end.picture.dead_letters.keys() <= both,
        "one holder of a key": all(number == 1 for number in holders.values()),
        # A claim that has completed its job may say so again.
        "one winner": len(settled) <= 1 or set(settled) == {"complete"},
        "fence": all(
            row["fence"] == start.jobs[one]["fence"] + claims[one]
            for one, row in jobs.items()
            if one in start.jobs
        ),
        "attempts": all(0 <= row["attempts"] <= row["max_attempts"] for row in jobs.values()),
        "a run is left": all(
            row["attempts"] < row["max_attempts"]
            for row in jobs.values()
            if row["status"] is JobStatus.QUEUED
        ),
        "crashes": all(
            row["crashes"] < MAX_CRASHES or row["status"] is JobStatus.CANCELLED
            for row in jobs.values()
        ),
        "ends": all(
            (row["finished_at"] is not None) == (row["status"] in ENDED) for row in jobs.values()
        ),
        "owners": all(
            row["worker_id"] is not None
            for row in jobs.values()
            if row["status"] is JobStatus.PROCESSING
        ),
        "no owner": all(
            row["worker_id"] is None for row in jobs.values() if row["status"] is JobStatus.QUEUED
        ),
    }


def pairs(case: Case, end: End) -> list[tuple[str, object]]:
    """Return both verbs with their answers."""
    return list(zip(case.verbs, end.answers, strict=True))


def claimed(answer: object) -> list[ClaimedJob]:
    """Return the jobs that a call was given, if it was a claim."""
    return (
        [one for one in answer if isinstance(one, ClaimedJob)] if isinstance(answer, list) else []
    )
