"""Jobs: searched page by page, by every condition, alike on every backend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from soniq.backends.contract import Backend
from soniq.job import JobStatus
from soniq.outcome import Complete, Failure, Retry
from soniq.search import ArgumentIs, Found, JobSearch
from tests.support import FrozenClock
from tests.support.store import (
    OOPS,
    OTHER,
    WORKER,
    claim,
    claimed_job,
    insert,
    look,
    new_job,
    settle,
)

EVERYTHING = JobSearch()


async def make(
    backend: Backend, clock: FrozenClock, number: int, name: str = "mail.send"
) -> list[str]:
    """Insert jobs; return their ids."""
    return await insert(backend, *(new_job(clock, name) for _ in range(number)))


async def found(backend: Backend, **conditions: Any) -> set[str]:
    """Return the ids that a search finds."""
    page = await backend.jobs.search(JobSearch(**conditions), limit=100)
    assert page.next is None
    return set(ids(page))


def ids(page: Found[Any]) -> list[str]:
    """Return the ids of a page."""
    return [job.id for job in page.items]


# --- pages ----------------------------------------------------------------------------------------


async def test_pages_go_on_where_the_last_one_ended(backend: Backend, clock: FrozenClock) -> None:
    """Newest first, in full; what is enqueued meanwhile is not met; the last page says so."""
    newest_first = (await make(backend, clock, 5))[::-1]
    search = backend.jobs.search
    first = await search(EVERYTHING, limit=2)
    await make(backend, clock, 1)
    second = await search(EVERYTHING, limit=2, after=first.next)
    third = await search(EVERYTHING, limit=2, after=second.next)
    assert ids(first) + ids(second) + ids(third) == newest_first
    assert [page.looked_at for page in (first, second, third)] == [2, 2, 1]
    assert (first.next, third.next) == (newest_first[1], None)
    assert first.items[0] == await look(backend, newest_first[0])
    whole = await search(EVERYTHING, limit=5, after=first.next)
    assert (ids(whole), whole.next) == (newest_first[2:], None)
    assert await search(EVERYTHING, limit=5, after=newest_first[-1]) == Found([], 0, None)


async def test_a_window_bounds_the_look(backend: Backend, clock: FrozenClock) -> None:
    """A page may be short, even empty, and still say from where to go on."""
    [match] = await make(backend, clock, 1, "rare.one")
    others = await make(backend, clock, 7)
    search = JobSearch(name="rare.one")
    pages = [await backend.jobs.search(search, limit=2, window=3)]
    while pages[-1].next:
        following = pages[-1].next
        pages.append(await backend.jobs.search(search, limit=2, after=following, window=3))
    assert [(ids(page), page.looked_at) for page in pages] == [([], 3), ([], 3), ([match], 2)]
    assert pages[0].next == others[4]
    everything = await backend.jobs.search(EVERYTHING, limit=100, window=8)
    assert (len(everything.items), everything.looked_at, everything.next) == (8, 8, None)


@pytest.mark.parametrize("after", ["", "no uuid", "'; --", "\0", "9" * 400])
async def test_nothing_comes_after_what_is_no_id(
    backend: Backend, clock: FrozenClock, after: str
) -> None:
    """Such a cursor ends the list; that of a job that has gone does not, nor capital letters."""
    [job_id] = await make(backend, clock, 1)
    search = backend.jobs.search
    assert await search(EVERYTHING, limit=9, after=after) == Found([], 0, None)
    assert ids(await search(EVERYTHING, limit=9, after=clock.new_id().upper())) == [job_id]


# --- conditions -----------------------------------------------------------------------------------


async def test_exact_conditions(backend: Backend, clock: FrozenClock) -> None:
    """Queue, name and status, each alone and together; a reason matches no job."""
    a, b = new_job(clock, "x.y", queue="q"), new_job(clock, "x.z", queue="q")
    c = new_job(clock, "x.y", queue="r")
    await insert(backend, a, b, c)
    await backend.jobs.cancel(c.id)
    assert await found(backend, queue="q") == {a.id, b.id}
    assert await found(backend, name="x.y") == {a.id, c.id}
    assert await found(backend, status=JobStatus.CANCELLED) == {c.id}
    assert await found(backend, status=JobStatus.QUEUED, name="x.y") == {a.id}
    assert await found(backend, status=JobStatus.DONE) == set()
    assert await found(backend, name="X.Y") == set()
    assert await found(backend, reason="timeout") == set()


async def test_names_that_begin_alike(backend: Backend, clock: FrozenClock) -> None:
    """A star at the end stands for the rest; anywhere else, and other signs, for themselves."""
    [a], [b] = [await make(backend, clock, 1, name) for name in ("mail.send", "mail_send")]
    assert await found(backend, name="mail.*") == {a}
    assert await found(backend, name="mail*") == {a, b}
    assert await found(backend, name="*") == {a, b}
    for inert in ("*send", "mail%*", "mail.sen_", "mail[.]*"):
        assert await found(backend, name=inert) == set()


async def test_text_is_part_of_a_name_or_begins_an_id(backend: Backend, clock: FrozenClock) -> None:
    """Without regard to the case of A to Z; signs of patterns stand for themselves."""
    [a] = await make(backend, clock, 1, "app.sendMail_Ä")
    clock.advance(days=10_000)
    [b] = await make(backend, clock, 1, "shop.pay")
    assert await found(backend, text="SENDm") == {a}
    assert await found(backend, text="mail_Ä") == {a}
    assert await found(backend, text="ä") == set()
    assert await found(backend, text=b.upper()) == {b}
    assert await found(backend, text=b[1:]) == set()
    assert await found(backend, text="%") == set()
    assert await found(backend, text="l_p") == set()
    assert await found(backend, text="") == {a, b}


async def test_errors_and_workers(backend: Backend, clock: FrozenClock) -> None:
    """A part of the last error without regard to case; the beginning of the worker's id."""
    error = "ValueError: 100% of 'Ünits' a_b \\d\nsecond line"
    job = await claimed_job(backend, new_job(clock))
    assert await settle(backend, job, Retry(60, Failure(error)))
    other = await claimed_job(backend, new_job(clock), worker=OTHER)
    [fresh] = await make(backend, clock, 1)
    for part in ("valueERROR", "Ünits", "SECOND", "100%", "a_b", "\\d", "", "line"):
        assert await found(backend, error=part) == {job.id}, part
    for inert in ("1%0", "axb", "a.b", "ünits"):
        assert await found(backend, error=inert) == set(), inert
    assert await found(backend, worker=OTHER) == {other.id}
    assert await found(backend, worker=OTHER[:20]) == {other.id}
    assert await found(backend, worker=OTHER[1:]) == set()
    assert await found(backend, worker="") == {other.id}
    assert fresh in await found(backend)


async def test_attempts_and_age(backend: Backend, clock: FrozenClock) -> None:
    """From and to, both included; ages since creation; any number may be asked for."""
    once = await claimed_job(backend, new_job(clock))
    assert await settle(backend, once, Retry(1000, OOPS))
    clock.advance(seconds=100)
    [young] = await make(backend, clock, 1)
    clock.advance(seconds=10)
    everything = {once.id, young}
    assert await found(backend, attempts_from=1) == {once.id}
    assert await found(backend, attempts_to=0) == {young}
    assert await found(backend, attempts_from=0, attempts_to=1) == everything
    assert await found(backend, attempts_from=10**30) == set()
    assert await found(backend, attempts_from=-(10**30), attempts_to=10**30) == everything
    assert await found(backend, older_than=50) == {once.id}
    assert await found(backend, younger_than=50) == {young}
    assert await found(backend, older_than=5, younger_than=120) == everything
    assert await found(backend, older_than=110) == set()
    assert await found(backend, older_than=float("inf")) == set()
    assert await found(backend, younger_than=float("inf")) == everything
    assert await found(backend, younger_than=float("nan")) == set()


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
async def test_what_no_row_can_hold_matches_none(
    backend: Backend, clock: FrozenClock, text: str
) -> None:
    """Such text is looked for as any other, without an error."""
    await make(backend, clock, 1)
    for condition in ("queue", "name", "worker", "error", "text"):
        assert await found(backend, **{condition: text}) == set()
    assert await found(backend, args=(ArgumentIs((text,), "1"),)) == set()
    assert await found(backend, args=(ArgumentIs(("a",), text),)) == set()


async def test_all_conditions_have_to_hold(backend: Backend, clock: FrozenClock) -> None:
    """Each one alone can turn a match into none."""
    new = new_job(clock, "x.y", queue="q", args='{"a":1}')
    job = await claimed_job(backend, new)
    assert await settle(backend, job, Complete())
    clock.advance(seconds=10)
    fits: dict[str, Any] = {
        "queue": "q", "status": JobStatus.DONE, "name": "x.*", "worker": WORKER,
        "args": (ArgumentIs(("a",), "1"),), "attempts_from": 1, "attempts_to": 1,
        "older_than": 5, "younger_than": 15, "text": "Y",
    }  # fmt: skip
    misses: dict[str, Any] = {
        "queue": "r", "status": JobStatus.QUEUED, "name": "y.*", "worker": OTHER,
        "args": (ArgumentIs(("a",), "2"),), "attempts_from": 2, "attempts_to": 0,
        "older_than": 15, "younger_than": 5, "text": "z", "error": "x", "reason": "timeout",
    }  # fmt: skip
    assert await found(backend, **fits) == {job.id}
    for name, value in misses.items():
        assert await found(backend, **fits | {name: value}) == set(), name


# --- arguments ------------------------------------------------------------------------------------

ARGUMENTS = (
    '{"user":{"id":42,"tags":["a","b"],"name":"Zoë \\"Q\\""},"on":true,"nil":null,"f":1.50}',
    '{"user":{"id":"42"},"big":123456789012345678901234567890,"e":1e400,"0":["zero"]}',
    '{"a.b":1,"a\\"b":2,"$":3,"a[0]":4,"":5,"user":[{"id":7}],"it\'s":6,"text":"null"}',
    '{"list":[1,[2,3],{"k":"v"}],"on":"true","text":"","\\u0061\\tb":"\\ud83e\\udd80"}',
    '{"-1":"key","01":"key","%":"a%b_c","{x}":-0.0,"\\\\":"\\\\u0000","n":9007199254740993}',
)
CASES: list[tuple[Sequence[str], str, set[int]]] = [
    (["user", "id"], "42", {0, 1}),
    (["user", "id"], "4", set()),
    (["user", "tags", "1"], "b", {0}),
    (["user", "tags", "-1"], "b", {0}),
    (["user", "tags", "-3"], "a", set()),
    (["user", "tags", "2"], "b", set()),
    (["user", "tags", "x"], "b", set()),
    (["user", "tags", "+1"], "b", {0}),
    (["user", "tags", " 01"], "b", {0}),
    (["user", "tags", "1 "], "b", set()),
    (["user", "tags", "\u0661"], "b", set()),
    (["user", "name"], 'Zoë "Q"', {0}),
    (["user", "0", "id"], "7", {2}),
    (["user", "missing"], "null", set()),
    (["on"], "true", {0, 3}),
    (["on"], "1", set()),
    (["on", "x"], "true", set()),
    (["nil"], "null", {0}),
    (["nil"], "", set()),
    (["text"], "null", {2}),
    (["text"], "", {3}),
    (["f"], "1.50", {0}),
    (["f"], "1.5", set()),
    (["big"], "123456789012345678901234567890", {1}),
    (["big"], "123456789012345678901234567891", set()),
    (["n"], "9007199254740993", {4}),
    (["n"], "9007199254740992", set()),
    (["e"], "1e400", {1}),
    (["0", "0"], "zero", {1}),
    (["-1"], "key", {4}),
    (["01"], "key", {4}),
    (["1"], "key", set()),
    (["%"], "a%b_c", {4}),
    (["%"], "axb_c", set()),
    (["{x}"], "-0.0", {4}),
    (["\\"], "\\u0000", {4}),
    (["a.b"], "1", {2}),
    (["a", "b"], "1", set()),
    (['a"b'], "2", {2}),
    (["$"], "3", {2}),
    (["a[0]"], "4", {2}),
    ([""], "5", {2}),
    (["it's"], "6", {2}),
    (["a\tb"], "🦀", {3}),
    (["list", "1"], "[2,3]", {3}),
    (["list", "2"], '{"k":"v"}', {3}),
    (["list", "2", "k"], "v", {3}),
    (["list", "99999999999999999999"], "1", set()),
    (["list", "-99999999999999999999"], "1", set()),
]


async def test_arguments(backend: Backend, clock: FrozenClock) -> None:
    """Keys and indexes lead to a value, compared as text; numbers exactly as they are written."""
    made = await insert(backend, *(new_job(clock, args=args) for args in ARGUMENTS))
    for path, value, expected in CASES:
        matching = await found(backend, args=(ArgumentIs(tuple(path), value),))
        assert {made.index(job_id) for job_id in matching} == expected, (path, value)
    user, on = ArgumentIs(("user", "id"), "42"), ArgumentIs(("on",), "true")
    assert await found(backend, args=(user, on)) == {made[0]}
    assert await found(backend, args=(user, on), queue="x") == set()


async def test_arguments_that_a_database_can_not_read(backend: Backend, clock: FrozenClock) -> None:
    """What only SQL by hand can write does not keep the others from being found."""
    texts = ('{"b":"\\u0000"}', '{"b":"\\ud800"}', '{"b":"\\udc00 x"}', '{"b":"\\\\u0000","a":1}')
    made = await insert(backend, *(new_job(clock, args=text) for text in (*texts, '{"a":1}')))
    assert await found(backend, args=(ArgumentIs(("a",), "1"),)) == set(made[-2:])


async def test_arguments_are_compared_as_json_has_them(
    backend: Backend, clock: FrozenClock
) -> None:
    """What is looked for is what ``json`` would print, whatever is escaped in what is kept."""
    args = {"text": 'line\n"quoted" \\ / ünïcode \x7f', "list": [None, False, 0, 1.5, "x"]}
    plain = json.dumps(args, ensure_ascii=False, separators=(",", ":"))
    made = await insert(backend, new_job(clock, args=plain), new_job(clock, args=json.dumps(args)))
    assert await found(backend, args=(ArgumentIs(("text",), str(args["text"])),)) == set(made)
    for place, value in enumerate(("null", "false", "0", "1.5", "x")):
        assert await found(backend, args=(ArgumentIs(("list", str(place)), value),)) == set(made)


async def test_lists_do_not_look_at_arguments(
    backend: Backend, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a condition on arguments makes anybody read them."""

    def read(*_: object) -> bool:
        raise AssertionError

    monkeypatch.setattr("soniq.backends.filters.holds", read)
    [job_id] = await make(backend, clock, 1)
    await claim(backend)
    assert await found(backend, status=JobStatus.PROCESSING) == {job_id}
