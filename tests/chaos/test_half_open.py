"""Connections that are dead without a word, and the one that listens killed again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from statistics import median
from time import monotonic

import asyncpg
import pytest

from soniq.backends.postgres.wakeups import PostgresWakeups
from soniq.events import PassFailed
from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, until_done
from tests.chaos.proxy import Proxy
from tests.support.jobs import until

KILLS = 20
KILL = """
SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'soniq-listen' AND datname = current_database() AND pid <> $1
"""
LISTENING = """
SELECT FROM pg_stat_activity
WHERE application_name = 'soniq-listen' AND datname = current_database()
    AND query LIKE 'LISTEN%' AND state = 'idle' AND pid <> $1
"""
# Who finds a job by looking takes this long: a pickup much sooner was a wake-up.
POLL_SECONDS = 20.0


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    """A proxy before this test's database."""
    with Proxy(postgres_url) as proxy:
        yield proxy


@pytest.mark.timeout(150)
async def test_blackhole(proxy: Proxy, postgres_url: str) -> None:
    """All connections go silent: noticed in 20 s, work goes on 2 s after the network is back."""
    crew = Crew(proxy.url(postgres_url))
    failed_at: list[float] = []
    noticed = asyncio.Event()

    def note(_: PassFailed) -> None:
        failed_at.append(monotonic())
        noticed.set()

    async with at_work(crew, 1, prepare=lambda app: app.events.on(PassFailed, note)):
        await crew.producer.enqueue_many("note", [{"number": n} for n in range(20)])
        await until_done(postgres_url, 20, patience=20)
        crew.pace = 1.0
        await crew.producer.enqueue_many("note", [{"number": n} for n in range(20, 25)])
        await until(lambda: reached(crew, 25))
        proxy.blackhole()
        began = monotonic()
        async with asyncio.timeout(60):
            await noticed.wait()
        detected = failed_at[0] - began
        # What has finished meanwhile is kept; somebody else, whose network works, adds more.
        others = Crew(postgres_url).producer
        await others.enqueue_many("note", [{"number": n} for n in range(25, 45)])
        await others.close()
        proxy.heal()
        healed = monotonic()
        await until(lambda: reached(crew, 26), patience=30)
        recovered = monotonic() - healed
        await until_done(postgres_url, 45, patience=40)
    figure("blackhole", detected_s=round(detected, 2), recovered_s=round(recovered, 2), runs=45)
    assert crew.runs.total() == 45
    assert detected <= 21
    assert recovered <= 4


async def reached(crew: Crew, number: int) -> bool:
    """Tell whether so many jobs have been started."""
    return len(crew.runs) >= number


async def time_a_pickup(crew: Crew, number: int) -> float:
    """Return the seconds from the call of ``enqueue`` to the start of the job."""
    began = monotonic()
    await crew.producer.enqueue("note", args={"number": number})
    await until(lambda: reached(crew, number + 1), patience=POLL_SECONDS * 2)
    return crew.started_at[-1] - began


async def pickups(crew: Crew, url: str, kills: int) -> tuple[list[float], list[float]]:
    """Kill the listener so many times; return how long listening and then a pickup took."""
    onlooker = await asyncpg.connect(url)
    back: list[float] = []
    latencies: list[float] = []
    dying = 0  # is still there for a moment

    async def listens() -> bool:
        return bool(await onlooker.fetch(LISTENING, dying))

    try:
        await until(listens)
        for number in range(kills):
            killed = monotonic()
            [victim] = await onlooker.fetch(KILL, dying)
            dying = victim["pid"]
            try:
                await until(listens, patience=2)
            except TimeoutError:
                back.append(float("inf"))
            else:
                back.append(monotonic() - killed)
            latencies.append(await time_a_pickup(crew, number))
    finally:
        await onlooker.close()
    return back, latencies


@pytest.mark.timeout(120)
async def test_killed_listener(postgres_url: str) -> None:
    """Each time that the listening connection is killed, wake-ups are heard again within 2 s."""
    # The producer works in a process of its own in real life: here it is an app that never listens.
    crew = Crew(postgres_url, poll_interval=POLL_SECONDS)
    async with at_work(crew, 1):
        back, latencies = await pickups(crew, postgres_url, KILLS)
    figure(
        "killed listener", kills=KILLS, back_max_ms=round(max(back) * 1000),
        pickup_median_ms=round(median(latencies) * 1000, 1),
        pickup_max_ms=round(max(latencies) * 1000, 1),
    )  # fmt: skip
    assert max(back) <= 2
    assert max(latencies) <= 1


@pytest.mark.timeout(120)
async def test_control_without_listening_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that listens only once is deaf after the first kill, and finds jobs by looking."""

    async def listen_once(wakeups: PostgresWakeups) -> None:
        await wakeups._listen_until_lost()
        await asyncio.Event().wait()

    monkeypatch.setattr(PostgresWakeups, "_listen", listen_once)
    crew = Crew(postgres_url, poll_interval=3.0)
    async with at_work(crew, 1):
        back, _ = await pickups(crew, postgres_url, 1)
    assert back == [float("inf")]
