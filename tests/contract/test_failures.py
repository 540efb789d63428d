"""What an operator does with failures: see which there are, try a few again, then all of them."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest

from soniq import JobStatus, Soniq
from soniq.errors import DatabaseUnreachable, InvalidOption, InvalidSearch
from soniq.fingerprint import fingerprint
from soniq.outcome import Bury, Failure, Reason, Settlement
from soniq.search import JobSearch
from tests.support import FrozenClock
from tests.support.store import NOBODY, WORKER, claim, insert, letter, new_job

ORDERS = tuple(f"ValueError: order {number} is not paid" for number in (7, 42, 1042))


async def bury(
    app: Soniq, *errors: str, name: str = "shop.pay", queue: str = "money", reason: str = "timeout"
) -> list[str]:
    """Bury a job for each error, one after the other; return their ids."""
    await app.ensure_initialized()
    ids: list[str] = []
    for error in errors:
        app.clock.advance(seconds=1)  # type: ignore[attr-defined]  # the tests' clock
        await insert(app.backend, new_job(app.clock, name, queue=queue))
        [job] = await claim(app.backend)
        end = Settlement(job, Bury(Reason(reason), Failure(error)))
        assert await app.backend.jobs.settle([end], worker=WORKER) == {job.id}
        ids.append(job.id)
    return ids


def print_of(error: str, name: str = "shop.pay", reason: str = "timeout") -> str:
    """Return a fingerprint's id."""
    return fingerprint(error, job_name=name, reason=reason).id


async def queued(app: Soniq) -> list[str]:
    """Return the ids of the jobs that wait."""
    return sorted(job.id for job in await app.list_jobs(status=JobStatus.QUEUED))


# --- groups ---------------------------------------------------------------------------------------


async def test_groups(app: Soniq, clock: FrozenClock) -> None:
    """The same failure is one group, the most frequent first, with all that is known of it."""
    began = clock.now()
    ids = await bury(app, ORDERS[0])
    [other] = await bury(app, ORDERS[0], reason="permanent_failure")
    ids += await bury(app, *ORDERS[1:], queue="later")
    await bury(app, "KeyError: 'a'")
    await app.dead_letter.replay(ids[0])
    found = await app.dead_letter.groups()
    assert (found.looked_at, found.complete) == (5, True)
    assert [(one.count, one.reason, one.error) for one in found.items] == [
        (3, "timeout", "ValueError: order … is not paid"),
        (1, "timeout", "KeyError: '…'"),
        (1, "permanent_failure", "ValueError: order … is not paid"),
    ]
    first = found.items[0]
    assert (first.job_name, first.queues, first.sample_id) == (
        "shop.pay", ("later", "money"), ids[2]
    )  # fmt: skip
    assert first.fingerprint == print_of(ORDERS[0])
    assert ((first.first_at - began).seconds, (first.last_at - began).seconds) == (1, 4)
    assert (first.replayed, found.items[2].sample_id) == (1, other)


async def test_groups_of_the_latest(app: Soniq) -> None:
    """Where there are more than are looked at, the answer says so."""
    assert await app.dead_letter.groups() == ([], 0, True)
    await bury(app, *ORDERS, "KeyError: 'a'")
    found = await app.dead_letter.groups(limit=2)
    assert ([one.count for one in found.items], found.looked_at, found.complete) == (
        [1, 1], 2, False
    )  # fmt: skip
    assert (await app.dead_letter.groups(limit=4)).complete
    with pytest.raises(InvalidOption):
        await app.dead_letter.groups(limit=0)


# --- search ---------------------------------------------------------------------------------------


async def test_search_in_words_and_by_fingerprint(app: Soniq) -> None:
    """Each alone and both together, page by page; and those that were never replayed."""
    orders = await bury(app, *ORDERS)
    [key] = await bury(app, "KeyError: 'a'", queue="other")
    search = app.dead_letter.search

    async def ids(*words: str, **conditions: Any) -> list[str]:
        return [one.id for one in (await search(*words, **conditions)).items]

    assert await ids() == [key, *orders[::-1]]
    assert await ids("queue:money error:paid") == orders[::-1]
    assert await ids("queue:other", fingerprint=print_of(ORDERS[0])) == []
    await app.dead_letter.replay(orders[1])
    assert await ids(fingerprint=print_of(ORDERS[2]), replayed=False) == [orders[2], orders[0]]
    assert await ids(fingerprint=print_of(ORDERS[2]), replayed=True) == [orders[1]]
    assert await ids(fingerprint="0" * 12) == []
    page = await search(fingerprint=print_of(ORDERS[0]), limit=2)
    assert ([one.id for one in page.items], page.next) == (orders[:0:-1], orders[1])
    page = await search(fingerprint=print_of(ORDERS[0]), limit=2, after=page.next)
    assert ([one.id for one in page.items], page.next) == (orders[:1], None)
    with pytest.raises(InvalidSearch):
        await search("colour:red")
    with pytest.raises(InvalidOption):
        await search(after="no id")


async def test_a_fingerprint_is_found_among_any_number(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is of long ago, and where pages of the store hold none of it."""
    monkeypatch.setattr("soniq.matching.LOOKS", (1, 2))
    monkeypatch.setattr("soniq.paging.PAGE", 2)
    [old] = await bury(app, "KeyError: 'a'")
    orders = await bury(app, *ORDERS, *ORDERS)
    found = await app.dead_letter.search(fingerprint=print_of("KeyError: 'a'"), limit=1)
    assert ([one.id for one in found.items], found.next, found.looked_at) == ([old], None, 7)
    seen = await app.dead_letter.preview(fingerprint=print_of(ORDERS[0]))
    assert (seen.count, seen.exact, seen.queues) == (6, True, {"money": 6})
    assert [one.id for one in seen.sample] == orders[:0:-1]


async def test_preview(app: Soniq) -> None:
    """How many, in which queues, and five of them; replaying meets those never replayed."""
    ids = await bury(app, *ORDERS, *ORDERS)
    await bury(app, "KeyError: 'a'", queue="other")
    await app.dead_letter.replay(ids[0])
    seen = await app.dead_letter.preview("")
    assert (seen.count, seen.exact, seen.queues) == (7, True, {"money": 6, "other": 1})
    assert len(seen.sample) == 5
    fresh = await app.dead_letter.preview("queue:money", replayed=False)
    assert (fresh.count, fresh.queues) == (5, {"money": 5})
    some = await app.dead_letter.preview(JobSearch(queue="money"), limit=4)
    assert (some.count, some.exact) == (4, False)


async def test_by_the_age_of_the_end(app: Soniq, clock: FrozenClock) -> None:
    """By the database's clock, to the moment; the same for looking, replaying and deleting."""
    old = await bury(app, *ORDERS)
    clock.advance(seconds=60)
    young = await bury(app, "KeyError: 'a'", queue="other")
    letters = app.dead_letter
    ages = {0: young + old[::-1], 61: old[::-1], 62: old[1::-1], 64: [], math.inf: []}
    for seconds, found in ages.items():
        page = await letters.search(older_than=seconds)
        assert [one.id for one in page.items] == found
        assert (await letters.preview(older_than=seconds)).count == len(found)
    page = await letters.search("queue:money", fingerprint=print_of(ORDERS[0]), older_than=60)
    assert len(page.items) == 3
    assert await letters.replay_matching("queue:other", older_than=1) == []
    assert len(await letters.replay_matching(older_than=60, first=2)) == 2
    assert await letters.delete_matching("queue:other", older_than=1) == 0
    assert await letters.delete_matching(older_than=60) == 3
    assert [one.id for one in await letters.list()] == young
    for wrong in (-1, math.nan):
        with pytest.raises(InvalidOption):
            await letters.delete_matching("", older_than=wrong)
        with pytest.raises(InvalidOption):
            await letters.search(older_than=wrong)


# --- replay ---------------------------------------------------------------------------------------


async def test_a_canary_and_then_the_rest(app: Soniq) -> None:
    """The oldest ones first; the next call goes on with those that were never replayed."""
    told: list[int] = []
    orders = await bury(app, *ORDERS)
    await bury(app, "KeyError: 'a'")
    failure = print_of(ORDERS[0])
    canaries = await app.dead_letter.replay_matching(fingerprint=failure, first=2)
    assert canaries == await queued(app)
    counts = [(await letter(app.backend, one)).resurrection_count for one in orders]
    assert counts == [1, 1, 0]
    rest = await app.dead_letter.replay_matching(fingerprint=failure, told=told.append)
    assert sorted(canaries + rest) == await queued(app)
    assert (len(rest), told) == (1, [1])
    assert await app.dead_letter.replay_matching(fingerprint=failure) == []
    jobs = [await app.get_job(one) for one in (*canaries, *rest)]
    assert {job and (job.job_name, job.queue) for job in jobs} == {("shop.pay", "money")}


async def test_all_that_match_are_replayed_in_order(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages it takes; progress is told, and what waits comes in the old order."""
    monkeypatch.setattr("soniq.paging.PAGE", 2)
    monkeypatch.setattr("soniq.paging.AT_ONCE", 2)
    told: list[int] = []
    ids = await bury(app, *(f"E: {number}" for number in range(5)))
    new_ids = await app.dead_letter.replay_matching("task:shop.*", told=told.append)
    assert (new_ids, told) == (await queued(app), [2, 4, 5])
    times = [(await letter(app.backend, one)).resurrected_at for one in ids]
    assert times == sorted(times)


async def test_letters_that_vanish_are_left_alone(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever deletes or replays some meanwhile: the others are replayed, each once."""
    monkeypatch.setattr("soniq.paging.AT_ONCE", 1)
    ids = await bury(app, *ORDERS, *ORDERS)
    for gone in (ids[2], ids[3]):
        assert await app.dead_letter.delete(gone)
    others: list[asyncio.Task[Any]] = []

    def meddle(_: int) -> None:
        if not others:
            others.append(asyncio.ensure_future(app.dead_letter.replay_matching("")))

    mine = await app.dead_letter.replay_matching(JobSearch(), told=meddle)
    theirs = await others[0]
    assert sorted(mine + theirs) == await queued(app)
    assert len(mine + theirs) == 4


async def test_a_replay_that_was_interrupted_goes_on(
    app: Soniq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error is raised once those beside it are done; the same call later does the rest."""
    monkeypatch.setattr("soniq.paging.AT_ONCE", 2)
    ids = await bury(app, *ORDERS)
    replay = app.backend.dead_letters.replay

    async def unreachable(job_id: str, **given: Any) -> bool:
        if job_id == ids[0]:
            raise DatabaseUnreachable("away for one call")
        return await replay(job_id, **given)

    with monkeypatch.context() as patch:
        patch.setattr(app.backend.dead_letters, "replay", unreachable)
        with pytest.raises(DatabaseUnreachable):
            await app.dead_letter.replay_matching("")
    assert len(await queued(app)) == 1
    assert len(await app.dead_letter.replay_matching("")) == 2
    assert len(await queued(app)) == 3


# --- delete ---------------------------------------------------------------------------------------


async def test_delete_matching(app: Soniq, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that match and no other, page by page, with progress."""
    monkeypatch.setattr("soniq.paging.PAGE", 2)
    told: list[int] = []
    await bury(app, *ORDERS, *ORDERS[:2])
    [kept] = await bury(app, "KeyError: 'a'")
    failure = print_of(ORDERS[0])
    assert await app.dead_letter.delete_matching(fingerprint=failure, told=told.append) == 5
    assert told == sorted(told)
    assert told[-1] == 5
    assert [one.id for one in await app.dead_letter.list()] == [kept]
    assert await app.dead_letter.delete_matching("queue:none") == 0
    assert await app.dead_letter.delete_matching("") == 1


async def test_which_must_be_said(app: Soniq) -> None:
    """Nothing happens to all of them because somebody forgot to say which."""
    await bury(app, *ORDERS)
    letters = app.dead_letter
    for act in (letters.preview, letters.replay_matching, letters.delete_matching):
        with pytest.raises(InvalidOption):
            await act()
    for first in (0, -1):
        with pytest.raises(InvalidOption):
            await letters.replay_matching("", first=first)
    assert len(await letters.list()) == 3
    assert await letters.replay_matching(JobSearch(status=JobStatus.DONE)) == []
    assert await letters.get(NOBODY) is None
