"""How far a claim from several queues looks into each: a matter of speed, never of order."""

from __future__ import annotations

from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.claims import MOST_SHARES, shares
from tests.support import FrozenClock
from tests.support.store import claim, insert, new_job

OTHERS = 50


async def test_a_queue_with_most_of_the_jobs_fills_claims(
    frozen: PostgresBackend, clock: FrozenClock
) -> None:
    """A claim that ended too early tells the next one how far to look."""
    busy = [new_job(clock, queue="busy") for _ in range(200)]
    await insert(frozen, *busy)
    clock.advance(seconds=1)
    await insert(frozen, *(new_job(clock, queue=f"quiet{number}") for number in range(OTHERS)))
    first = await claim(frozen, limit=100)
    assert 0 < len(first) < 20
    second = await claim(frozen, limit=100)
    assert [job.id for job in first + second] == [job.id for job in busy[: len(first) + 100]]


def test_shares_are_of_the_queues_that_had_most() -> None:
    """A claim is not burdened with all the others."""
    queues = ["a"] * 3 + ["b"]
    assert shares(queues) == {"a": 0.75, "b": 0.25}
    many = [f"queue{number}" for number in range(MOST_SHARES)]
    assert shares([*many, "a", "a"]).keys() == {"a", *many[:-1]}
