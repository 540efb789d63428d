"""The database commits, and its answer never arrives: no job is lost, none is there twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import asyncpg
import pytest

from soniq import Soniq
from soniq.backends.postgres.claims import Claims
from soniq.backends.postgres.pool import Database
from soniq.errors import DatabaseUnreachable
from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, counts, until_done
from tests.chaos.proxy import Proxy
from tests.support.jobs import run_all, until

SINGLE, BATCHED, BULKS, BULK, UNIQUE = 300, 2700, 18, 100, 200
JOBS = SINGLE + BATCHED + BULKS * BULK + UNIQUE
# Never more than two writes are under way, so the repetition of a lost one gets through.
EVERY = 3
# What a caller sees where nobody knows whether the transaction was committed.
UNKNOWN = (DatabaseUnreachable, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)


@pytest.fixture
def proxy(postgres_url: str) -> Iterator[Proxy]:
    """A proxy before this test's database."""
    with Proxy(postgres_url) as proxy:
        yield proxy


@pytest.fixture(params=["direct", "pooled"])
def command(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The reply that says a write is durable; with pooled it is always that of a transaction."""
    if request.param == "direct":
        return "INSERT"
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)
    return "COMMIT"


@pytest.fixture
async def producer(postgres_url: str, proxy: Proxy) -> AsyncIterator[Soniq]:
    """An app whose way to the database can be broken."""
    app = Crew(proxy.url(postgres_url)).producer
    yield app
    proxy.heal()
    await app.close()


async def enqueue_in_every_way(producer: Soniq) -> list[str]:
    """Enqueue all jobs one by one, many at once, in bulk and by key; return their ids."""
    numbers = iter(range(JOBS))
    ids = [await producer.enqueue("note", args={"number": next(numbers)}) for _ in range(SINGLE)]

    async def enqueue_next(**options: str) -> str:
        return await producer.enqueue("note", args={"number": next(numbers)}, **options)

    for _ in range(BATCHED // 100):
        ids += await asyncio.gather(*(enqueue_next() for _ in range(100)))
    for _ in range(BULKS):
        ids += await producer.enqueue_many("note", [{"number": next(numbers)} for _ in range(BULK)])
    for key in range(0, UNIQUE, 2):
        keys = (f"key {key}", f"key {key + 1}")
        ids += await asyncio.gather(*(enqueue_next(dedup_key=one) for one in keys))
    return ids


@pytest.mark.timeout(180)
async def test_enqueued_exactly_once(
    producer: Soniq, proxy: Proxy, postgres_url: str, command: str
) -> None:
    """Every third reply is lost; each of the 5,000 jobs is there once, and nobody sees an error."""
    await producer.ensure_initialized()
    proxy.lose_replies([command], every=EVERY)
    ids = await enqueue_in_every_way(producer)
    lost = proxy.lost_replies()
    proxy.heal()
    assert await counts(postgres_url) == {"queued": JOBS}
    connection = await asyncpg.connect(postgres_url)
    stored = await connection.fetchval("SELECT array_agg(id::text ORDER BY id) FROM soniq_jobs")
    await connection.close()
    assert sorted(ids) == stored
    assert lost > JOBS // 50
    figure("lost replies", mode=command, enqueued=JOBS, replies_lost=lost, jobs=len(stored))


async def test_control_without_the_repetition(
    producer: Soniq, proxy: Proxy, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the repetition under the same id, a caller sees errors and makes jobs twice."""
    repeat = Database.repeat

    async def only_once(db: Database, action: Callable[..., Awaitable[object]], **_: int) -> object:
        return await repeat(db, action, tries=1)

    monkeypatch.setattr(Database, "repeat", only_once)
    await producer.ensure_initialized()
    proxy.lose_replies(["INSERT"], every=EVERY)
    errors = 0
    for number in range(30):
        try:
            await producer.enqueue("note", args={"number": number})
        except DatabaseUnreachable:
            errors += 1
            await producer.enqueue("note", args={"number": number})
    proxy.heal()
    assert errors > 0
    assert await counts(postgres_url) == {"queued": 30 + errors}


async def test_in_the_callers_transaction(producer: Soniq, proxy: Proxy, postgres_url: str) -> None:
    """Whose COMMIT was not answered has the job or not; a key makes it safe to repeat."""
    unknown, rounds = 0, 60
    proxy.lose_replies(["COMMIT", "INSERT"], every=7)

    async def enqueue(key: str) -> None:
        async with producer.backend.acquire() as connection, connection.transaction():
            await producer.enqueue("note", args={"number": 1}, dedup_key=key, connection=connection)

    for number in range(rounds):
        for _ in range(5):
            try:
                await enqueue(f"key {number}")
                break
            except UNKNOWN:
                unknown += 1
    proxy.heal()
    assert unknown > 0
    assert await counts(postgres_url) == {"queued": rounds}
    figure("lost replies in the caller's transaction", rounds=rounds, unknown=unknown, jobs=rounds)


async def test_unknown_without_a_key(producer: Soniq, proxy: Proxy, postgres_url: str) -> None:
    """Without a key each unanswered transaction has left one job or none, never a part."""
    for command, jobs in (("INSERT", 0), ("COMMIT", 1)):
        proxy.lose_replies([command])
        with pytest.raises(UNKNOWN):
            async with producer.backend.acquire() as connection, connection.transaction():
                await producer.enqueue("note", args={"number": 1}, connection=connection)
        proxy.heal()
        assert (await counts(postgres_url)).get("queued", 0) == jobs


async def test_operators_are_told(producer: Soniq, proxy: Proxy) -> None:
    """Cancel and delete raise where the answer is lost; looking tells, repeating does no harm."""
    job_id = await producer.enqueue("note", args={"number": 1})
    proxy.lose_replies(["UPDATE"])
    with pytest.raises(DatabaseUnreachable):
        await producer.cancel_job(job_id)
    proxy.heal()
    job = await producer.get_job(job_id)
    assert job is not None
    assert job.status == "cancelled"
    assert await producer.cancel_job(job_id) is False
    proxy.lose_replies(["SELECT"])
    with pytest.raises(DatabaseUnreachable):
        await producer.delete_job(job_id)
    proxy.heal()
    assert await producer.get_job(job_id) is None
    assert await producer.delete_job(job_id) is False


async def test_results_are_written_once(producer: Soniq, proxy: Proxy, postgres_url: str) -> None:
    """Claims and settlements whose answers are lost: all jobs end, each having run once."""
    crew = Crew(proxy.url(postgres_url))
    await producer.enqueue_many("note", [{"number": number} for number in range(200)])
    worker = crew.app()
    async with asyncio.TaskGroup() as group:
        stop = asyncio.Event()
        run = group.create_task(worker.run_worker(concurrency=5, stop=stop))
        proxy.lose_replies(["UPDATE"], every=EVERY)
        while (await counts(postgres_url)).get("done", 0) < 200:  # noqa: ASYNC110 - no bell rings
            await asyncio.sleep(0.02)
        lost = proxy.lost_replies()
        proxy.heal()
        stop.set()
    assert run.result().complete + run.result().lost == 200
    assert crew.runs.total() == 200
    await worker.close()
    assert (await run_all(producer)).complete == 0
    figure("lost replies to a worker", jobs=200, replies_lost=lost, extra_runs=crew.extra_runs())


async def stuck(url: str) -> bool:
    """Tell whether a job was claimed."""
    return "processing" in await counts(url)


async def test_control_without_giving_back(
    producer: Soniq, proxy: Proxy, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that does not look for claims it never got keeps their jobs from everybody."""

    async def look_away(*_: object) -> None:
        """Give nothing back."""

    monkeypatch.setattr(Claims, "_give_back_strays", look_away)
    crew = Crew(proxy.url(postgres_url))
    await producer.enqueue("note", args={"number": 1})
    proxy.lose_replies(["UPDATE"])
    async with at_work(crew, 1):
        await until(lambda: stuck(postgres_url))
        proxy.heal()
        await producer.enqueue("note", args={"number": 2})
        await until_done(postgres_url, 1, patience=20)
        assert await counts(postgres_url) == {"done": 1, "processing": 1}
