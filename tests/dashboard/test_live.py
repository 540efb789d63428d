"""One poller for all who look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from soniq import Soniq
from soniq.clock import SystemClock
from soniq.dashboard.live import MOST_STREAMS, PARTS, STREAM_SECONDS, Channel, Live
from soniq.errors import DatabaseUnreachable
from soniq.events import Events
from tests.support.clock import FrozenClock
from tests.support.dashboard import NOBODYS_ID, asking, board_of, dashboard_app

FAST = 0.02


class Database:
    """Services that count how often they are asked; ``value`` is what all of them return."""

    def __init__(self, clock: Any) -> None:
        self.asked = 0
        self.value: object = 0
        self.away = False
        self.polled = asyncio.Event()
        ask = self.ask
        one = SimpleNamespace(list=ask, summary=ask, groups=ask)
        self.soniq: Any = SimpleNamespace(
            queues=one, workers=one, stats=one, dead_letter=one, clock=clock, events=Events()
        )

    async def ask(self, **_: float) -> object:
        """Count, and answer."""
        self.asked += 1
        self.polled.set()
        if self.away:
            message = "nobody answers"
            raise DatabaseUnreachable(message)
        return self.value

    async def polls(self) -> None:
        """Wait until it is asked once more."""
        self.polled.clear()
        await self.polled.wait()


@pytest.fixture
def database() -> Database:
    """What the poller asks, in real time."""
    return Database(SystemClock())


async def next_tick(events: AsyncIterator[str]) -> list[str]:
    """Return what the next event says has changed."""
    async for text in events:
        if "event: tick" in text:
            changed: list[str] = json.loads(text.partition("data: ")[2])["changed"]
            return changed
    return []


async def test_fifty_streams_cost_one_poll(database: Database) -> None:
    """However many look, each part is read once; all are told of a change."""
    live = Live(database.soniq, poll_seconds=FAST)
    streams = [live.stream() for _ in range(50)]
    waiting = [asyncio.create_task(next_tick(stream)) for stream in streams]
    ticks = await asyncio.gather(*waiting)
    assert database.asked == len(PARTS)
    assert {tuple(tick) for tick in ticks} == {PARTS}
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_nobody_looks_so_nothing_is_asked(database: Database) -> None:
    """The poller runs only while somebody listens."""
    live = Live(database.soniq, poll_seconds=FAST)
    assert database.asked == 0
    stream = live.stream()
    await next_tick(stream)
    assert live.streams == 1
    await stream.aclose()  # type: ignore[attr-defined]
    assert live.streams == 0
    await asyncio.sleep(0)
    assert live._poller is None
    # The fixtures of all tests see to it that no task is left.


async def test_only_changes_are_told(database: Database) -> None:
    """A poll that finds the same says nothing; one that finds something else says what."""
    live = Live(database.soniq, poll_seconds=FAST)
    stream = live.stream()
    await next_tick(stream)
    following = asyncio.create_task(next_tick(stream))
    await database.polls()
    await database.polls()
    assert not following.done()
    database.value = 1
    assert "standings" in await following
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_database_that_is_away_is_told_and_asked_again(database: Database) -> None:
    """Pages learn of it, and of its return; the poller goes on."""
    live = Live(database.soniq, poll_seconds=FAST)
    database.away = True
    stream = live.stream()
    assert await next_tick(stream) == ["database"]
    database.away, database.value = False, 1
    while "standings" not in await next_tick(stream):
        pass
    await stream.aclose()  # type: ignore[attr-defined]


async def test_a_snapshot_is_shared_for_as_long_as_it_is_fresh(clock: FrozenClock) -> None:
    """Two queries a second at most: standings each second, the rest each five."""
    database = Database(clock)
    live = Live(database.soniq)
    await asyncio.gather(*(live.snapshot() for _ in range(200)))
    assert database.asked == len(PARTS)
    for _ in range(60):
        clock.advance(seconds=1)
        await asyncio.gather(*(live.snapshot() for _ in range(200)))
    assert database.asked - len(PARTS) == 60 + 12 * (len(PARTS) - 1)
    assert (database.asked - len(PARTS)) / 60 <= 2


async def test_figures_of_days_are_shared_for_longer(clock: FrozenClock) -> None:
    """Whoever looks at a day reads it once in half a minute; a week is something else."""
    database = Database(clock)
    live = Live(database.soniq)
    day, week = {"window": 86_400.0, "step": 600.0}, {"window": 7 * 86_400.0, "step": 3600.0}
    await asyncio.gather(*(live.summary(**day) for _ in range(200)))
    clock.advance(seconds=29)
    await live.summary(**day)
    assert database.asked == 1
    await live.summary(**week)
    assert database.asked == 2
    clock.advance(seconds=1)
    await live.summary(**day)
    assert database.asked == 3


async def test_what_was_just_changed_is_read_anew(clock: FrozenClock) -> None:
    """Whoever pauses a queue sees it paused on the next page."""
    database = Database(clock)
    live = Live(database.soniq)
    await live.snapshot()
    database.value = 1
    assert (await live.snapshot()).standings == 0  # type: ignore[comparison-overlap]
    live.forget()
    assert (await live.snapshot()).standings == 1  # type: ignore[comparison-overlap]


async def test_close_ends_all_streams(database: Database) -> None:
    """At once, whatever they wait for."""
    live = Live(database.soniq, poll_seconds=60)
    streams = [asyncio.create_task(drained(live.stream())) for _ in range(3)]
    await database.polled.wait()
    live.close()
    assert all("tick" in text for text in await asyncio.gather(*streams))


async def drained(events: AsyncIterator[str]) -> str:
    """Return all that a stream says until it ends."""
    return "".join([text async for text in events])


class Counted:
    """An app in memory that counts what a dashboard reads of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.soniq = Soniq(backend="memory", enqueue_validation="none")
        self.reads: list[list[str]] = []
        self.standings = 0
        self.away = False
        get_many, list_queues = self.soniq.jobs.get_many, self.soniq.queues.list

        async def jobs_read(job_ids: Sequence[str]) -> Any:
            self.reads.append(sorted(job_ids))
            return await get_many(job_ids)

        async def queues_read() -> Any:
            self.standings += 1
            if self.away:
                message = "nobody answers"
                raise DatabaseUnreachable(message)
            return await list_queues()

        monkeypatch.setattr(self.soniq.jobs, "get_many", jobs_read)
        monkeypatch.setattr(self.soniq.queues, "list", queues_read)


async def test_the_page_of_a_job_is_told_of_that_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that are open by one statement; nobody hears of the others, nor asks how all stands."""
    app = Counted(monkeypatch)
    live = Live(app.soniq, poll_seconds=FAST)
    ids = sorted([await app.soniq.enqueue("a", args={}), await app.soniq.enqueue("b", args={})])
    since = str(live.position(ids[0]))
    streams = [live.stream(since, job=ids[0]) for _ in range(20)] + [live.stream(job=ids[1])]
    for stream in streams:
        assert await next_tick(stream) == ["job"]
    other = asyncio.create_task(next_tick(streams[-1]))
    await app.soniq.jobs.cancel(ids[0])
    for stream in streams[:-1]:
        assert await next_tick(stream) == ["job"]
    assert not other.done()
    await app.soniq.jobs.delete(ids[1])
    assert await other == ["job"]  # that it is gone, too
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    assert app.reads[-1] == ids
    assert all(len(set(read)) == len(read) for read in app.reads)
    assert (app.standings, live.streams, live._watched) == (0, 0, {})


async def test_jobs_are_watched_beside_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that there is not is watched, too; the database away is told to everybody."""
    app = Counted(monkeypatch)
    live = Live(app.soniq, poll_seconds=FAST)
    both = live.stream(), live.stream(job=NOBODYS_ID)
    assert [await next_tick(stream) for stream in both] == [list(PARTS), ["job"]]
    app.away = True
    assert [await next_tick(stream) for stream in both] == [["database"], ["database"]]
    for stream in both:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_only_a_job_can_be_watched() -> None:
    """What is no id is refused, before anything is kept of it."""
    app = dashboard_app()
    async with asking(app) as client:
        answer = await client.get("/live", params={"job": "x"})
    assert (answer.status_code, board_of(app).live.streams) == (400, 0)


async def test_a_stream_ends_by_itself(clock: FrozenClock) -> None:
    """A server that shuts down waits for answers: this one has an end, and a way to go on."""
    database = Database(clock)
    live = Live(database.soniq)
    stream = live.stream()
    assert await anext(stream) == "retry: 100\n\n"
    await next_tick(stream)
    clock.advance(seconds=STREAM_SECONDS)
    assert [text async for text in stream] == []


async def test_who_comes_back_is_told_what_was_missed() -> None:
    """A browser says which event it saw last; the first time there is nothing to make up for."""
    channel = Channel()
    channel.publish(["standings"])
    assert await channel.after(channel.position(None), timeout=0) is None
    assert await channel.after(channel.position("1"), timeout=0) is None
    for last_id in ("0", "7", "x", "", "1" * 5000):
        missed = await channel.after(channel.position(last_id), timeout=0)
        assert missed is not None
        assert missed.text.startswith("id: 1\nevent: tick\n")


async def test_what_happens_while_a_page_is_on_its_way(database: Database) -> None:
    """The page says up to which event it knows of all, and is told at once of a later one."""
    live = Live(database.soniq, poll_seconds=FAST)
    first = live.stream()
    await next_tick(first)
    page = await live.snapshot()
    database.value = 1
    await next_tick(first)
    assert page.position == 1
    assert live.position() > page.position
    second = live.stream(str(page.position))
    assert await next_tick(second)
    for stream in (first, second):
        await stream.aclose()  # type: ignore[attr-defined]


async def test_streams_are_events_and_there_are_not_too_many() -> None:
    """``GET /live`` is an event stream; the 201st is asked to come back later."""
    app = dashboard_app()
    live = board_of(app).live
    live.streams = MOST_STREAMS
    async with asking(app) as client:
        answer = await client.get("/live")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
