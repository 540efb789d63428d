"""Dead letters: searched page by page, their burials told in short, counted within bounds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from soniq.backends import operator_contract
from soniq.backends.contract import Backend
from soniq.job import JobStatus
from soniq.outcome import Bury, Failure, Reason, Retry, Settlement
from soniq.search import ArgumentIs, Found, JobSearch
from tests.support import FrozenClock
from tests.support.store import NOBODY, OTHER, WORKER, claim, insert, new_job

EVERYTHING = JobSearch()
OOPS = Failure("ValueError: oops", "Traceback: line 1")


async def bury(
    backend: Backend,
    clock: FrozenClock,
    *args: dict[str, Any] | str,
    name: str = "mail.send",
    queue: str = "default",
    error: str = OOPS.summary,
    reason: Reason = Reason.TIMEOUT,
    worker: str = WORKER,
) -> list[str]:
    """Bury jobs of these arguments, one each; return their ids."""
    texts = [one if isinstance(one, str) else json.dumps(one) for one in args or ({},)]
    jobs = [new_job(clock, name, queue=queue, args=text) for text in texts]
    await insert(backend, *jobs)
    claims = await claim(backend, worker=worker)
    ends = [Settlement(job, Bury(reason, Failure(error))) for job in claims]
    assert len(await backend.jobs.settle(ends, worker=worker)) == len(jobs)
    return [job.id for job in jobs]


async def found(backend: Backend, **conditions: Any) -> set[str]:
    """Return the ids that a search finds."""
    page = await backend.dead_letters.search(JobSearch(**conditions), limit=100)
    assert page.next is None
    return {letter.id for letter in page.items}


def ids(page: Found[Any]) -> list[str]:
    """Return the ids of a page."""
    return [letter.id for letter in page.items]


# --- pages ----------------------------------------------------------------------------------------


async def test_pages_go_on_where_the_last_one_ended(backend: Backend, clock: FrozenClock) -> None:
    """Newest job first, in full records; the last page says that nothing is left."""
    newest_first = (await bury(backend, clock, *({} for _ in range(5))))[::-1]
    search = backend.dead_letters.search
    first = await search(EVERYTHING, limit=2)
    await bury(backend, clock)
    second = await search(EVERYTHING, limit=2, after=first.next)
    third = await search(EVERYTHING, limit=2, after=second.next)
    assert ids(first) + ids(second) + ids(third) == newest_first
    assert [page.looked_at for page in (first, second, third)] == [2, 2, 1]
    assert (first.next, third.next) == (newest_first[1], None)
    assert first.items[0] == await backend.dead_letters.get(newest_first[0])
    whole = await search(EVERYTHING, limit=5, after=first.next)
    assert (ids(whole), whole.next) == (newest_first[2:], None)


async def test_a_window_bounds_the_look(backend: Backend, clock: FrozenClock) -> None:
    """A page may be short, even empty, and still say from where to go on."""
    [match] = await bury(backend, clock, name="rare.one")
    others = await bury(backend, clock, *({} for _ in range(7)))
    search = JobSearch(name="rare.one")
    pages = [await backend.dead_letters.search(search, limit=2, window=3)]
    while pages[-1].next:
        following = pages[-1].next
        pages.append(await backend.dead_letters.search(search, limit=2, after=following, window=3))
    assert [(ids(page), page.looked_at) for page in pages] == [([], 3), ([], 3), ([match], 2)]
    assert pages[0].next == others[4]
    everything = await backend.dead_letters.search(EVERYTHING, limit=100, window=8)
    assert (len(everything.items), everything.looked_at, everything.next) == (8, 8, None)


async def test_a_look_goes_no_further_than_needed(backend: Backend, clock: FrozenClock) -> None:
    """As soon as a page is full, nothing more is looked at."""
    await bury(backend, clock, *({} for _ in range(30)))
    match = await bury(backend, clock, {}, {}, name="rare.one")
    await bury(backend, clock, {}, {}, {})
    page = await backend.dead_letters.search(JobSearch(name="rare.one"), limit=2)
    assert (ids(page), page.looked_at, page.next) == (match[::-1], 5, match[0])


async def test_more_rows_than_are_looked_at_in_one_go(
    backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the walk is cut into stretches, every row is looked at once."""
    monkeypatch.setattr("soniq.backends.sqlite.filters.STRIDE", 2)
    rare = [*await bury(backend, clock, name="rare.one")]
    await bury(backend, clock, *({} for _ in range(5)))
    rare += await bury(backend, clock, {}, {}, {}, name="rare.one")
    page = await backend.dead_letters.search(JobSearch(name="rare.one"), limit=100)
    assert (ids(page), page.looked_at, page.next) == (rare[::-1], 9, None)
    page = await backend.dead_letters.search(JobSearch(name="rare.one"), limit=3)
    assert (ids(page), page.looked_at, page.next) == (rare[:0:-1], 3, rare[1])


async def test_nothing_comes_after_what_is_no_id(backend: Backend, clock: FrozenClock) -> None:
    """Such a cursor ends the list; one of a record that has gone does not, nor capital letters."""
    [job_id] = await bury(backend, clock)
    search = backend.dead_letters.search
    for after in ("", "no uuid", "'; --", "\0", "9" * 400):
        assert await search(EVERYTHING, limit=9, after=after) == Found([], 0, None)
    assert ids(await search(EVERYTHING, limit=9, after=clock.new_id())) == [job_id]
    assert ids(await search(EVERYTHING, limit=9, after=clock.new_id().upper())) == [job_id]
    assert await search(EVERYTHING, limit=9, after=job_id) == Found([], 0, None)


# --- conditions -----------------------------------------------------------------------------------


async def test_exact_conditions(backend: Backend, clock: FrozenClock) -> None:
    """Queue, name and reason, each alone and together; a status matches no dead letter."""
    [a] = await bury(backend, clock, name="x.y", queue="q")
    [b] = await bury(backend, clock, name="x.z", queue="q", reason=Reason.PERMANENT_FAILURE)
    [c] = await bury(backend, clock, name="x.y", queue="r")
    assert await found(backend, queue="q") == {a, b}
    assert await found(backend, name="x.y") == {a, c}
    assert await found(backend, reason="timeout") == {a, c}
    assert await found(backend, name="x.y", queue="q", reason="timeout") == {a}
    assert await found(backend, name="x.y", reason="permanent_failure") == set()
    assert await found(backend, name="X.Y") == set()
    for status in JobStatus:
        assert await found(backend, status=status) == set()


async def test_names_that_begin_alike(backend: Backend, clock: FrozenClock) -> None:
    """A star at the end stands for the rest; anywhere else, and other signs, for themselves."""
    [a] = await bury(backend, clock, name="mail.send")
    [b] = await bury(backend, clock, name="mail_send")
    assert await found(backend, name="mail.*") == {a}
    assert await found(backend, name="mail*") == {a, b}
    assert await found(backend, name="*") == {a, b}
    assert await found(backend, name="*send") == set()
    assert await found(backend, name="mail_*") == {b}
    assert await found(backend, name="mail%*") == set()


async def test_text_is_part_of_a_name_or_begins_an_id(backend: Backend, clock: FrozenClock) -> None:
    """Without regard to case."""
    [a] = await bury(backend, clock, name="app.sendMail")
    clock.advance(days=10_000)
    [b] = await bury(backend, clock, name="shop.pay")
    assert await found(backend, text="SENDm") == {a}
    assert await found(backend, text=a[:8]) == {a}
    assert await found(backend, text=b.upper()) == {b}
    assert await found(backend, text=b[1:]) == set()
    assert await found(backend, text="%") == set()
    assert await found(backend, text="_") == set()


async def test_errors_contain(backend: Backend, clock: FrozenClock) -> None:
    """A part of the error; only A to Z have case; signs of patterns stand for themselves."""
    [a] = await bury(backend, clock, error="ValueError: 100% of 'Ünits' a_b\nsecond line")
    [b] = await bury(backend, clock, error="KeyError: axb")
    assert await found(backend, error="valueERROR") == {a}
    assert await found(backend, error="Ünits") == {a}
    assert await found(backend, error="ünits") == set()
    assert await found(backend, error="SECOND") == {a}
    assert await found(backend, error="100%") == {a}
    assert await found(backend, error="1%0") == set()
    assert await found(backend, error="a_b") == {a}
    assert await found(backend, error="Error") == {a, b}


async def test_worker(backend: Backend, clock: FrozenClock) -> None:
    """The beginning of the id of the worker that had it last; some never had one."""
    [a] = await bury(backend, clock)
    [b] = await bury(backend, clock, worker=OTHER)
    await insert(backend, new_job(clock, "gone.task"))
    clock.advance(seconds=1)
    assert await backend.jobs.bury_unknown(["gone.task"], grace=0) == 1
    assert await found(backend, worker=WORKER) == {a}
    assert await found(backend, worker=OTHER[:20]) == {a, b}
    assert await found(backend, worker=WORKER[1:]) == set()


async def test_attempts(backend: Backend, clock: FrozenClock) -> None:
    """From and to, both included; any integer may be asked for."""
    [once] = await bury(backend, clock)
    await insert(backend, new_job(clock))
    [first] = await claim(backend)
    await backend.jobs.settle([Settlement(first, Retry(0, OOPS))], worker=WORKER)
    [second] = await claim(backend)
    await backend.jobs.settle([Settlement(second, Bury(Reason.TIMEOUT, OOPS))], worker=WORKER)
    assert await found(backend, attempts_from=2) == {second.id}
    assert await found(backend, attempts_to=1) == {once}
    assert await found(backend, attempts_from=1, attempts_to=2) == {once, second.id}
    assert await found(backend, attempts_from=10**30) == set()
    assert await found(backend, attempts_to=-(10**30)) == set()
    assert await found(backend, attempts_from=-(10**30), attempts_to=10**30) == {once, second.id}


async def test_age(backend: Backend, clock: FrozenClock) -> None:
    """Seconds since the job was created, not since it died; any number may be asked for."""
    old_job = new_job(clock)
    await insert(backend, old_job)
    clock.advance(seconds=100)
    [old] = await claim(backend)
    await backend.jobs.settle([Settlement(old, Bury(Reason.TIMEOUT, OOPS))], worker=WORKER)
    [young] = await bury(backend, clock)
    clock.advance(seconds=10)
    assert await found(backend, older_than=50) == {old.id}
    assert await found(backend, younger_than=50) == {young}
    assert await found(backend, older_than=5, younger_than=120) == {old.id, young}
    assert await found(backend, older_than=110) == set()
    for endless in (1e12, 1e300, float("inf")):
        assert await found(backend, older_than=endless) == set()
        assert await found(backend, younger_than=endless) == {old.id, young}
        assert await found(backend, younger_than=-endless) == set()
    assert await found(backend, older_than=float("nan")) == set()


async def test_what_no_row_can_hold_matches_none(backend: Backend, clock: FrozenClock) -> None:
    """Such text is looked for as any other, without an error."""
    await bury(backend, clock)
    for text in ("\0", "a\0b", "\ud800"):
        for condition in ("queue", "name", "worker", "error", "text", "reason"):
            assert await found(backend, **{condition: text}) == set()
        assert await found(backend, args=(ArgumentIs((text,), "1"),)) == set()
        assert await found(backend, args=(ArgumentIs(("a",), text),)) == set()


# --- arguments ------------------------------------------------------------------------------------

ARGUMENTS = (
    '{"user":{"id":42,"tags":["a","b"],"name":"Zoë \\"Q\\""},"on":true,"nil":null,"f":1.50}',
    '{"user":{"id":"42"},"big":123456789012345678901234567890,"e":1e400,"0":["zero"]}',
    '{"a.b":1,"a\\"b":2,"$":3,"a[0]":4,"":5,"user":[{"id":7}],"it\'s":6,"text":"null"}',
    '{"list":[1,[2,3],{"k":"v"}],"on":"true","text":""}',
)
CASES: list[tuple[Sequence[str], str, set[int]]] = [
    (["user", "id"], "42", {0, 1}),
    (["user", "id"], "4", set()),
    (["user", "tags", "1"], "b", {0}),
    (["user", "tags", "-1"], "b", {0}),
    (["user", "tags", "2"], "b", set()),
    (["user", "tags", "x"], "b", set()),
    (["user", "name"], 'Zoë "Q"', {0}),
    (["user", "0", "id"], "7", {2}),
    (["user", "missing"], "null", set()),
    (["on"], "true", {0, 3}),
    (["on"], "1", set()),
    (["on", "x"], "true", set()),
    (["nil"], "null", {0}),
    (["text"], "null", {2}),
    (["text"], "", {3}),
    (["f"], "1.50", {0}),
    (["f"], "1.5", set()),
    (["big"], "123456789012345678901234567890", {1}),
    (["e"], "1e400", {1}),
    (["0", "0"], "zero", {1}),
    (["a.b"], "1", {2}),
    (['a"b'], "2", {2}),
    (["$"], "3", {2}),
    (["a[0]"], "4", {2}),
    ([""], "5", {2}),
    (["it's"], "6", {2}),
    (["list", "1"], "[2,3]", {3}),
    (["list", "2"], '{"k":"v"}', {3}),
    (["list", "2", "k"], "v", {3}),
    (["list", "99999999999999999999"], "1", set()),
]


async def test_arguments(backend: Backend, clock: FrozenClock) -> None:
    """Keys and indexes lead to a value, compared as text; numbers exactly as they are written."""
    made = await bury(backend, clock, *ARGUMENTS)
    for path, value, expected in CASES:
        matching = await found(backend, args=(ArgumentIs(tuple(path), value),))
        assert {made.index(job_id) for job_id in matching} == expected, (path, value)


async def test_several_arguments(backend: Backend, clock: FrozenClock) -> None:
    """All conditions have to hold."""
    made = await bury(backend, clock, *ARGUMENTS)
    user, on = ArgumentIs(("user", "id"), "42"), ArgumentIs(("on",), "true")
    assert await found(backend, args=(user, on)) == {made[0]}
    assert await found(backend, args=(user, on), queue="x") == set()


# --- in short -------------------------------------------------------------------------------------


async def test_burials(backend: Backend, clock: FrozenClock) -> None:
    """The latest burial first, with no more than is needed to know what it was."""
    [old] = await bury(backend, clock, name="x.y", queue="q", error="E" * 600)
    clock.advance(seconds=1)
    [new] = await bury(backend, clock, reason=Reason.PERMANENT_FAILURE)
    await backend.dead_letters.replay(old, new_id=clock.new_id())
    latest, first = await backend.dead_letters.burials()
    assert (latest.id, latest.job_name, latest.queue, latest.reason, latest.error) == (
        new, "mail.send", "default", "permanent_failure", OOPS.summary
    )  # fmt: skip
    assert (latest.finished_at, latest.resurrection_count) == (clock.now(), 0)
    assert (first.id, first.job_name, first.queue, first.reason) == (old, "x.y", "q", "timeout")
    assert (first.error, first.resurrection_count) == ("E" * 500, 1)
    assert await backend.dead_letters.burials(limit=1) == [latest]
    assert await backend.dead_letters.get(NOBODY) is None


async def test_counting_has_a_bound(
    backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The latest burials are counted, and no more than so many."""
    await bury(backend, clock, {}, {}, name="old.one")
    clock.advance(seconds=1)
    await bury(backend, clock, {}, {}, name="new.one")
    assert operator_contract.COUNTED == 100_000
    for kind in ("memory", "sqlite", "postgres"):
        monkeypatch.setattr(f"soniq.backends.{kind}.dead_letters.COUNTED", 3)
    assert await backend.dead_letters.count() == [
        ("default", "new.one", "timeout", 2),
        ("default", "old.one", "timeout", 1),
    ]
