"""Results of any shape: they come back as they were, or the job says why there is none."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from soniq.arguments import encode_result
from soniq.backends.contract import Backend
from soniq.clock import Clock, SystemClock
from soniq.job import Job, JobStatus
from soniq.outcome import Complete, Settlement
from tests.support.store import WORKER, new_job

TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(["\x00", "\ud800", "\U0001f980"])
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary(max_size=5)
RESULT = st.recursive(
    SCALAR,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT, inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=2)
        | st.sets(st.integers(), max_size=3)
    ),
    max_leaves=20,
)


def is_plain(value: Any) -> bool:
    """Tell whether JSON has the very value, so that it must come back."""
    match value:
        case dict():
            return all(isinstance(key, str) and is_plain(key) for key in value) and all(
                map(is_plain, value.values())
            )
        case list():
            return all(map(is_plain, value))
        case float():
            return math.isfinite(value)
        case str():
            return "\x00" not in value and not any("\ud800" <= one <= "\udfff" for one in value)
        case _:
            return value is None or isinstance(value, bool | int)


async def settled(backend: Backend, clock: Clock, results: list[Any]) -> list[Job]:
    """Complete jobs with these results in one call, and return them as they are then."""
    await backend.jobs.insert([new_job(clock) for _ in results])
    claims = await backend.jobs.claim(None, limit=len(results), worker=WORKER)
    outcomes = [Complete(*encode_result(result)) for result in results]
    batch = [Settlement(job, outcome) for job, outcome in zip(claims, outcomes, strict=True)]
    owned = await backend.jobs.settle(batch, worker=WORKER)
    assert owned == {job.id for job in claims}
    jobs = {job.id: job for job in await backend.jobs.find(limit=len(results))}
    await backend.jobs.prune(older_than=-1)
    return [jobs[job.id] for job in claims]


def test_results_come_back_or_are_explained(make_backend: Callable[[Clock], Backend]) -> None:
    """No result keeps its job, or another one of the batch, from being done."""
    clock = SystemClock()
    backend = make_backend(clock)

    with asyncio.Runner() as runner:
        runner.run(backend.open())

        @settings(max_examples=40, deadline=None)
        @given(results=st.lists(RESULT, min_size=1, max_size=10))
        def check(results: list[Any]) -> None:
            for result, job in zip(
                results, runner.run(settled(backend, clock, results)), strict=True
            ):
                assert job.status is JobStatus.DONE
                if is_plain(result):
                    assert (job.result, job.result_error) == (result, None)
                else:
                    assert job.result is not None or job.result_error

        try:
            check()
        finally:
            runner.run(backend.close())
