"""A rescue on PostgreSQL takes two steps: others may come between."""

from __future__ import annotations

from typing import Any

import pytest

from soniq.backends.postgres import PostgresBackend
from soniq.job import JobStatus
from tests.support import FrozenClock
from tests.support.store import OTHER, claimed_job, new_job, register


async def test_a_cancellation_amid_a_rescue_is_told(
    frozen: PostgresBackend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the rescue did is told, not what the job looked like when it was found."""
    await register(frozen, OTHER, lease=1)
    lost = await claimed_job(frozen, new_job(clock), worker=OTHER)
    clock.advance(seconds=2)
    fetch = frozen._db.fetch

    async def cancel_once_found(verb: str, *args: object) -> list[Any]:
        records: list[Any] = await fetch(verb, *args)
        if verb == "jobs/orphans":
            assert await frozen.jobs.cancel(lost.id)
        return records

    monkeypatch.setattr(frozen._db, "fetch", cancel_once_found)
    (rescued,) = await frozen.jobs.rescue(max_crashes=3)
    assert (rescued.job_id, rescued.buried, rescued.cancelled) == (lost.id, False, True)
    job = await frozen.jobs.get(lost.id)
    assert job is not None
    assert job.status is JobStatus.CANCELLED
