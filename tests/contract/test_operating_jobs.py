"""What ``app.jobs`` does for operators: search, say why, retry, clone, look first, act on many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from soniq import JobStatus, Soniq
from soniq.errors import (
    InvalidArguments,
    InvalidOption,
    InvalidSearch,
    JobNotFound,
    TaskArgumentsInvalid,
)
from soniq.outcome import Bury, Complete, Reason, Retry, Snooze
from soniq.search import JobSearch, Preview
from tests.support import FrozenClock
from tests.support.jobs import job_of
from tests.support.store import (
    NOBODY,
    OOPS,
    OTHER,
    WORKER,
    buried,
    claim,
    claimed_job,
    insert,
    new_job,
    register,
    settle,
)

if TYPE_CHECKING:
    from soniq.backends.contract import Backend


@pytest.fixture
async def backend(app: Soniq) -> Backend:
    """The open backend of the app."""
    await app.ensure_initialized()
    return app.backend


# --- search ---------------------------------------------------------------------------------------


async def test_search_in_words_or_conditions(
    app: Soniq, backend: Backend, clock: FrozenClock
) -> None:
    """Both find the same, page by page."""
    jobs = await insert(backend, *(new_job(clock, args='{"a":1}') for _ in range(3)))
    await insert(backend, new_job(clock, "shop.pay"))
    page = await app.jobs.search("task:mail.* args.a:1", limit=2)
    assert [job.id for job in page.items] == jobs[:0:-1]
    rest = await app.jobs.search(JobSearch(name="mail.send"), limit=2, after=page.next)
    assert ([job.id for job in rest.items], rest.next) == (jobs[:1], None)


async def test_searches_that_nobody_can_mean(app: Soniq) -> None:
    """A wrong word, limit or cursor is refused."""
    with pytest.raises(InvalidSearch, match="Unknown word 'colour'"):
        await app.jobs.search("colour:red")
    for limit in (0, 10_001):
        with pytest.raises(InvalidOption, match="limit"):
            await app.jobs.search("", limit=limit)
    with pytest.raises(InvalidOption, match="after='x' is no id"):
        await app.jobs.search("", after="x")


async def test_preview(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """How many, five of them, and in which queues, the fullest first."""
    assert await app.jobs.preview("") == Preview(0, exact=True, sample=[], queues={})
    many = await insert(backend, *(new_job(clock, queue="b") for _ in range(250)))
    few = await insert(backend, *(new_job(clock, queue="a") for _ in range(3)))
    found = await app.jobs.preview("")
    assert (found.count, found.exact, found.queues) == (253, True, {"b": 250, "a": 3})
    assert [job.id for job in found.sample] == [*few[::-1], *many[:-3:-1]]
    bounded = await app.jobs.preview("", limit=201)
    assert (bounded.count, bounded.exact, bounded.queues) == (201, False, {"b": 198, "a": 3})
    with pytest.raises(InvalidOption, match="limit=0"):
        await app.jobs.preview("", limit=0)
    exact = await app.jobs.preview("queue:a", limit=3)
    assert (exact.count, exact.exact) == (3, True)


# --- why ------------------------------------------------------------------------------------------


async def test_why_of_a_job_all_its_life(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """From scheduled to dead, each reason comes up as it holds."""
    codes: list[str] = []

    async def note() -> None:
        codes.append((await app.jobs.why(job.id)).code)

    job = new_job(clock, delay=60, queue="mail")
    await insert(backend, job)
    await note()
    clock.advance(seconds=60)
    await app.queues.pause("mail", by="ana", reason="provider down")
    await note()
    await app.queues.resume("mail")
    await note()
    await register(backend, OTHER, tasks=("shop.pay",))
    await note()
    await register(backend)
    await note()
    [claimed] = await claim(backend)
    await note()
    await settle(backend, claimed, Snooze(60))
    await note()
    clock.advance(seconds=60)
    [claimed] = await claim(backend)
    await settle(backend, claimed, Retry(60, OOPS))
    await note()
    clock.advance(seconds=60)
    [claimed] = await claim(backend)
    await settle(backend, claimed, Bury(Reason.TIMEOUT, OOPS))
    await note()
    assert codes == [
        "scheduled", "paused", "unserved", "unknown_task", "waiting", "running", "scheduled",
        "retry_waits", "dead",
    ]  # fmt: skip


async def test_why_tells_when_the_turn_comes(
    app: Soniq, backend: Backend, clock: FrozenClock
) -> None:
    """By how many come before it, and by how many attempts have ended in the last minutes."""
    await register(backend, lease=3600)
    for _ in range(6):
        done = await claimed_job(backend, new_job(clock))
        await settle(backend, done, Complete())
    clock.advance(minutes=2)
    *_, last = await insert(backend, *(new_job(clock) for _ in range(4)))
    why = await app.jobs.why(last)
    assert (why.code, why.facts["ahead"], why.facts["window_seconds"]) == ("waiting", 3, 300.0)
    assert why.facts["eta_seconds"] == 3 / (6 / 300)
    assert "3 jobs come before it" in why.sentence
    clock.advance(minutes=10)
    assert (await app.jobs.why(last)).facts["eta_seconds"] is None


async def test_why_of_what_has_ended_or_never_was(
    app: Soniq, backend: Backend, clock: FrozenClock
) -> None:
    """Done and cancelled jobs are told as such; of no job there is nothing to tell."""
    done = await claimed_job(backend, new_job(clock))
    await settle(backend, done, Complete())
    [cancelled] = await insert(backend, new_job(clock))
    await app.jobs.cancel(cancelled)
    assert (await app.jobs.why(done.id)).code == "done"
    assert (await app.jobs.why(cancelled)).code == "cancelled"
    for job_id in (NOBODY, "no id"):
        with pytest.raises(JobNotFound, match=job_id):
            await app.jobs.why(job_id)


# --- retry and clone ------------------------------------------------------------------------------


async def test_retry_what_waits_for_later(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """It keeps its id and is due now."""
    [job_id] = await insert(backend, new_job(clock, delay=3600))
    assert await app.jobs.retry(job_id) == {"job_id": job_id, "how": "hastened"}
    assert (await job_of(app, job_id)).scheduled_at == clock.now()


async def test_retry_what_has_ended(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """A job that is done or cancelled stays on record, and another one like it is enqueued."""
    done = await claimed_job(backend, new_job(clock, args='{"a":[1.5,"ü"]}', priority=7))
    await settle(backend, done, Complete())
    [cancelled] = await insert(backend, new_job(clock))
    await app.jobs.cancel(cancelled)
    for job_id in (done.id, cancelled):
        retried = await app.jobs.retry(job_id)
        assert retried.how == "cloned"
        before, after = await job_of(app, job_id), await job_of(app, retried.job_id)
        assert before.finished_at is not None
        assert (after.args, after.priority) == (before.args, before.priority)
        assert (after.status, after.attempts) == (JobStatus.QUEUED, 0)


async def test_retry_a_dead_letter(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """It is replayed as a new job, and counted."""
    letter = await buried(backend, new_job(clock))
    retried = await app.jobs.retry(letter.id)
    assert retried.how == "replayed"
    assert (await job_of(app, retried.job_id)).status is JobStatus.QUEUED
    record = await app.dead_letter.get(letter.id)
    assert record is not None
    assert record.resurrection_count == 1


async def test_retry_what_needs_none(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """What is due or running is refused with the reason; what is no job, too."""
    running = await claimed_job(backend, new_job(clock))
    [due] = await insert(backend, new_job(clock))
    with pytest.raises(InvalidOption, match="runs already"):
        await app.jobs.retry(running.id)
    with pytest.raises(InvalidOption, match="is due already"):
        await app.jobs.retry(due)
    with pytest.raises(JobNotFound):
        await app.jobs.retry(NOBODY)


async def test_clone(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """All that made the job, but due now and without its key; also of a dead letter."""
    new = new_job(
        clock, "x.y", queue="q", priority=7, args='{"n":1e300}', max_attempts=9, delay=60, key="k"
    )
    await insert(backend, new)
    letter = await buried(backend, new_job(clock, "x.z", queue="q", max_attempts=2))
    first, second = await app.jobs.clone(new.id), await app.jobs.clone(letter.id)
    clones = [await job_of(app, job_id) for job_id in (first, second)]
    assert [(job.job_name, job.queue, job.max_attempts) for job in clones] == [
        ("x.y", "q", 9), ("x.z", "q", 2)
    ]  # fmt: skip
    assert (clones[0].priority, clones[0].args) == (7, {"n": 1e300})
    assert (clones[0].unique_key, clones[0].scheduled_at) == (None, clock.now())
    with pytest.raises(JobNotFound):
        await app.jobs.clone(NOBODY)


async def test_clone_with_other_arguments(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """They replace all; what a worker would refuse is refused at once, where the task is known."""

    @app.job(name="mail.send")
    async def send(to: str, copies: int = 1) -> None: ...

    await insert(backend, new := new_job(clock, args='{"to":"a"}'), free := new_job(clock, "x.y"))
    clone = await job_of(app, await app.jobs.clone(new.id, args={"to": "b", "copies": 2}))
    assert clone.args == {"to": "b", "copies": 2}
    assert (await job_of(app, await app.jobs.clone(free.id, args={"any": [1]}))).args == {
        "any": [1]
    }
    with pytest.raises(TypeError, match="cpies"):
        await app.jobs.clone(new.id, args={"to": "b", "cpies": 2})
    with pytest.raises(InvalidArguments, match="copies"):
        await app.jobs.clone(new.id, args={"to": "b", "copies": "many"})
    with pytest.raises(InvalidArguments, match="any"):
        await app.jobs.clone(free.id, args={"any": float("nan")})
    assert (await app.jobs.preview("")).count == 4


async def test_clone_is_checked_by_the_model_of_the_task(
    app: Soniq, backend: Backend, clock: FrozenClock
) -> None:
    """What the task's own model refuses is not enqueued."""
    from pydantic import BaseModel, PositiveInt  # noqa: PLC0415 - as the users of a model do

    class Order(BaseModel):
        number: PositiveInt

    @app.job(name="shop.pay", validate=Order)
    async def pay(number: int) -> None: ...

    [job_id] = await insert(backend, new_job(clock, "shop.pay", args='{"number":1}'))
    with pytest.raises(TaskArgumentsInvalid, match="number"):
        await app.jobs.clone(job_id, args={"number": 0})


async def test_an_idle_worker_hears_of_a_retry(
    app: Soniq, backend: Backend, clock: FrozenClock
) -> None:
    """Whoever sleeps until something is due is roused."""
    [job_id] = await insert(backend, new_job(clock, queue="mail", delay=3600))
    heard: list[list[str]] = []

    async def wake(queues: list[str]) -> None:
        heard.append(queues)

    backend.wakeups.wake = wake  # type: ignore[method-assign,assignment]
    await app.jobs.retry(job_id)
    assert heard == [["mail"]]


# --- many -----------------------------------------------------------------------------------------


async def statuses(app: Soniq, ids: list[str]) -> list[str | None]:
    """Return the status of each job, None where there is none."""
    jobs = [await app.jobs.get(job_id) for job_id in ids]
    return [job.status.value if job else None for job in jobs]


async def test_cancel_all_that_match(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Over all pages, with word after each; others, and those that have ended, are not touched."""
    running = await claimed_job(backend, new_job(clock))
    ids = await insert(backend, *(new_job(clock, delay=n) for n in range(250)))
    [other] = await insert(backend, new_job(clock, queue="other"))
    await app.jobs.cancel(ids[3])
    told: list[int] = []
    assert await app.jobs.cancel_matching("queue:default", told=told.append) == 250
    assert told == [200, 250]
    assert await statuses(app, [*ids, other]) == ["cancelled"] * 250 + ["queued"]
    [revoked] = await backend.jobs.revoked([running], worker=WORKER)
    assert revoked.cancelled
    assert await app.jobs.cancel_matching("queue:none") == 0


async def test_retry_all_that_match(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Those that wait for later are due, those that have ended are cloned, the rest is left."""
    running = await claimed_job(backend, new_job(clock))
    await insert(backend, *(late := [new_job(clock, delay=60) for _ in range(3)]))
    [ended, due] = await insert(backend, new_job(clock), new_job(clock))
    await app.jobs.cancel(ended)
    assert await app.jobs.retry_matching("queue:default", first=2) == 2
    again = await app.jobs.search("")
    assert len(again.items) == 7
    dues = {job.id: job.scheduled_at for job in again.items}
    assert [dues[job.id] == clock.now() for job in late] == [False, False, True]
    assert await app.jobs.retry_matching("state:queued") == 2
    assert (await job_of(app, running.id)).status is JobStatus.PROCESSING
    assert (await job_of(app, due)).scheduled_at == clock.now()


async def test_delete_all_that_match(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Those that run stay."""
    running = await claimed_job(backend, new_job(clock))
    ids = await insert(backend, *(new_job(clock) for _ in range(21)))
    assert await app.jobs.delete_matching("queue:default") == 21
    assert await statuses(app, [running.id, *ids]) == ["processing"] + [None] * 21


async def test_what_vanishes_meanwhile_is_no_error(
    app: Soniq, backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is gone when its turn comes is not counted, and the walk goes on."""
    ids = await insert(backend, *(new_job(clock, delay=60) for _ in range(5)))
    search = backend.jobs.search

    async def searched_before_others_delete(*args: object, **options: object) -> object:
        page = await search(*args, **options)  # type: ignore[arg-type]
        await backend.jobs.delete(ids[1])
        await backend.jobs.delete(ids[2])
        return page

    monkeypatch.setattr(backend.jobs, "search", searched_before_others_delete)
    assert await app.jobs.retry_matching("") == 3
    assert await app.jobs.cancel_matching("") == 3
    assert await app.jobs.delete_matching("") == 3


async def test_attempts(app: Soniq, backend: Backend, clock: FrozenClock) -> None:
    """Those that did not end well, also of a dead letter."""
    letter = await buried(backend, new_job(clock))
    [attempt] = await app.jobs.attempts(letter.id)
    assert (attempt.attempt, attempt.outcome, attempt.error) == (1, "bury", OOPS.summary)
