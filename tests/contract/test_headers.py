"""What travels beside the arguments of a job, from whoever enqueues it to its handler."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from soniq import JobContext, Soniq
from soniq.backends.contract import Backend
from soniq.errors import PermanentFailure
from soniq.job import NewJob, read_headers
from soniq.outcome import Retry
from tests.support.clock import FrozenClock
from tests.support.jobs import dead_letter_of, job_of, run_all
from tests.support.store import OOPS, claim, insert, new_job, settle

TENANT = {"tenant": "é"}


def sends(headers: Mapping[str, str], seen: list[Sequence[NewJob]] | None = None) -> Any:
    """Return a middleware that sends these headers, and notes what it was called with."""

    @contextmanager
    def wrapper(jobs: Sequence[NewJob]) -> Generator[Mapping[str, str]]:
        if seen is not None:
            seen.append(jobs)
        yield headers

    return wrapper


async def test_headers_reach_the_handler(app: Soniq) -> None:
    """In every attempt; whoever looks at the job finds them, too."""
    app.enqueue_middleware(sends(TENANT))
    found: list[Mapping[str, str]] = []

    @app.job(name="look", retries=1)
    async def look(ctx: JobContext) -> None:
        found.append(ctx.headers)
        if ctx.attempt == 1:
            raise ValueError

    job_id = await app.enqueue(look)
    assert (await job_of(app, job_id)).headers == TENANT
    assert [job.headers for job in await app.list_jobs()] == [TENANT]
    await run_all(app)
    assert found == [TENANT, TENANT]


async def test_most_jobs_have_none(app: Soniq) -> None:
    """Then there is nothing to be found, rather than None."""
    found: list[Mapping[str, str]] = []

    @app.job(name="look")
    async def look(ctx: JobContext) -> None:
        found.append(ctx.headers)

    job_id = await app.enqueue(look)
    await run_all(app)
    assert (await job_of(app, job_id)).headers == {}
    assert found == [{}]


async def test_one_call_is_one_write(app: Soniq) -> None:
    """All jobs of ``enqueue_many`` are seen at once, and get the same headers."""
    seen: list[Sequence[NewJob]] = []
    app.enqueue_middleware(sends(TENANT, seen))

    @app.job(name="many", queue="bulk")
    async def many(number: int) -> None: ...

    ids = await app.enqueue_many(many, [{"number": n} for n in range(3)])
    [jobs] = seen
    assert [(job.id, job.job_name, job.queue) for job in jobs] == [(i, "many", "bulk") for i in ids]
    assert [(await job_of(app, job_id)).headers for job_id in ids] == [TENANT] * 3


async def test_middleware_adds_to_each_other(app: Soniq) -> None:
    """The first one is entered first; where two send the same, the last one wins."""
    app.enqueue_middleware(sends({"a": "1", "b": "1"}))
    app.enqueue_middleware(sends({"b": "2"}))

    @app.job(name="one")
    async def one() -> None: ...

    assert (await job_of(app, await app.enqueue(one))).headers == {"a": "1", "b": "2"}


async def test_what_middleware_raises_fails_the_call(app: Soniq) -> None:
    """Nothing is written then."""

    def refuses(jobs: Sequence[NewJob]) -> AbstractContextManager[Mapping[str, str]]:
        message = "not today"
        raise PermissionError(message)

    app.enqueue_middleware(refuses)

    @app.job(name="one")
    async def one() -> None: ...

    with pytest.raises(PermissionError, match="not today"):
        await app.enqueue(one)
    assert await app.list_jobs() == []


@pytest.mark.parametrize("headers", [{"a": 1}, {1: "a"}])
async def test_headers_are_text(app: Soniq, headers: Any) -> None:
    """Anything else is refused, by name."""
    app.enqueue_middleware(sends(headers))

    @app.job(name="one")
    async def one() -> None: ...

    with pytest.raises(TypeError, match="is not text"):
        await app.enqueue(one)


async def test_headers_stay_with_a_job_that_dies(app: Soniq) -> None:
    """The dead letter has them; replays and clones are parts of the same request."""
    app.enqueue_middleware(sends(TENANT))
    found: list[Mapping[str, str]] = []

    @app.job(name="dies")
    async def dies(ctx: JobContext) -> None:
        found.append(ctx.headers)
        raise PermanentFailure

    job_id = await app.enqueue(dies)
    await run_all(app)
    assert (await dead_letter_of(app, job_id)).headers == TENANT
    assert [letter.headers for letter in await app.dead_letter.list()] == [TENANT]
    app._enqueuer.middleware.clear()
    replayed = await app.dead_letter.replay(job_id)
    cloned = await app.jobs.clone(job_id)
    for new_id in (replayed, cloned):
        assert (await job_of(app, new_id)).headers == TENANT
    await run_all(app)
    assert found == [TENANT] * 3


async def test_jobs_of_one_write_may_differ(backend: Backend, clock: FrozenClock) -> None:
    """Calls that share a round trip keep their own headers, also those without any."""
    jobs = [new_job(clock, headers=json.dumps({"n": str(n)}) if n else None) for n in range(3)]
    await insert(backend, *jobs)
    claimed = {job.id: read_headers(job.headers) for job in await claim(backend)}
    assert claimed == {jobs[0].id: {}, jobs[1].id: {"n": "1"}, jobs[2].id: {"n": "2"}}


async def test_a_claim_after_a_retry_has_them(backend: Backend, clock: FrozenClock) -> None:
    """They belong to the job, not to an attempt."""
    await insert(backend, new_job(clock, headers='{"a": "b"}'))
    [job] = await claim(backend)
    assert await settle(backend, job, Retry(0, OOPS))
    [again] = await claim(backend)
    assert job.headers == again.headers == '{"a": "b"}'


async def test_many_alike_share_them(backend: Backend, clock: FrozenClock) -> None:
    """Jobs that differ in nothing but id and arguments, as ``enqueue_many`` writes them."""
    await insert(backend, *[new_job(clock, headers='{"a": "b"}') for _ in range(70)])
    assert {job.headers for job in await claim(backend)} == {'{"a": "b"}'}


@pytest.mark.parametrize("text", ["[1]", "3", "null", "{", '{"a": 1, "b": null}'])
def test_what_is_no_text_by_name_is_no_header(text: str) -> None:
    """Whatever somebody wrote by hand: a job can be read, and run, all the same."""
    assert read_headers(text) == {}
