"""Everything through PgBouncer in transaction mode, without any setting by the user."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from time import monotonic
from urllib.parse import urlsplit

import asyncpg
import pytest

from soniq import JobStatus, Snooze, Soniq
from soniq.backends.postgres.session import SESSION
from soniq.errors import PermanentFailure
from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, counts, until_done
from tests.chaos.pooler import transaction_pooler
from tests.support.jobs import dead_letter_of, job_of, until
from tests.support.store import claimed_job, new_job, register

# A pooler that swallows what it does not know is recognised in another way than one that objects.
TOLERATED = ",".join(SESSION.keys() - {"application_name"})
LOCKS = """
SELECT FROM pg_locks
WHERE locktype = 'advisory' AND database = (
    SELECT oid FROM pg_database WHERE datname = current_database()
)
"""
JOBS = 1000


@pytest.fixture(params=["", TOLERATED], ids=["strict", "tolerant"])
def pooled_url(
    request: pytest.FixtureRequest, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL that leads to this test's database through a pooler."""
    with transaction_pooler(postgres_url, monkeypatch, tolerated=request.param) as url:
        yield url


@pytest.fixture
async def app(pooled_url: str) -> AsyncIterator[Soniq]:
    """An app behind the pooler."""
    app = Soniq(database_url=pooled_url, poll_interval=0.1)
    yield app
    await app.close()


async def enqueue_and_run(url: str, direct: str) -> tuple[float, Crew]:
    """Enqueue in every way and run with three workers; return the seconds that it took."""
    crew = Crew(url, poll_interval=0.1)
    began = monotonic()
    async with at_work(crew, 3):
        enqueue = crew.producer.enqueue
        for first in range(0, 200, 50):
            numbers = range(first, first + 50)
            await asyncio.gather(*(enqueue("note", args={"number": n}) for n in numbers))
        for number in range(200, 240):
            await enqueue("note", args={"number": number})
        await crew.producer.enqueue_many("note", [{"number": n} for n in range(240, JOBS)])
        await until_done(direct, JOBS, patience=40)
    return monotonic() - began, crew


@pytest.mark.timeout(120)
async def test_several_workers(pooled_url: str, postgres_url: str) -> None:
    """Three workers run each job once, whichever way it was enqueued, and leave no locks behind."""
    seconds, crew = await enqueue_and_run(pooled_url, postgres_url)
    assert crew.runs == Counter(range(JOBS))
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetch(LOCKS) == []
    await connection.execute("TRUNCATE soniq_jobs")
    await connection.close()
    direct, _ = await enqueue_and_run(postgres_url, postgres_url)
    figure("pooler", jobs=JOBS, pooled_s=round(seconds, 2), direct_s=round(direct, 2))


async def test_an_insert_whose_answer_was_lost(app: Soniq) -> None:
    """Jobs that are written again, some or all of them, are there once."""
    await app.ensure_initialized()
    jobs = [new_job(app.clock) for _ in range(4)]
    for batch in (jobs[:2], jobs, jobs, jobs[:1]):
        assert await app.backend.jobs.insert(batch) == [job.id for job in batch]
    assert len(await app.list_jobs()) == 4


async def test_unique_jobs(app: Soniq) -> None:
    """Callers of a unique job share one job, also when they come at the same moment."""

    @app.job(unique=True)
    async def report(day: int) -> None: ...

    ids = await asyncio.gather(*(app.enqueue(report, day=n % 5) for n in range(50)))
    assert len(set(ids)) == 5
    assert await app.list_jobs() != []
    assert (await app.run_worker(run_once=True)).complete == 5


async def test_failures(app: Soniq) -> None:
    """Retries, snoozes, dead letters and their replay."""
    seen: Counter[str] = Counter()

    @app.job(retries=2, retry_delay=0)
    async def fails_once() -> None:
        seen["fails"] += 1
        if seen["fails"] == 1:
            raise ValueError("not yet")

    @app.job()
    async def sleeps_once() -> Snooze | None:
        seen["sleeps"] += 1
        return Snooze(0.0) if seen["sleeps"] == 1 else None

    @app.job()
    async def hopeless() -> None:
        seen["hopeless"] += 1
        raise PermanentFailure("never")

    ids = [await app.enqueue(task) for task in (fails_once, sleeps_once, hopeless)]
    report = await app.run_worker(run_once=True)
    assert (report.complete, report.retry, report.snooze, report.bury) == (2, 1, 1, 1)
    letter = await dead_letter_of(app, ids[2])
    await app.dead_letter.replay(letter.id)
    await app.run_worker(run_once=True)
    assert seen == {"fails": 2, "sleeps": 2, "hopeless": 2}
    assert (await dead_letter_of(app, ids[2])).resurrection_count == 1


async def test_cancel_running(app: Soniq) -> None:
    """A running handler is stopped when its job is cancelled."""
    started = asyncio.Event()

    @app.job()
    async def endless() -> None:
        started.set()
        await asyncio.Event().wait()

    job_id = await app.enqueue(endless)
    stop = asyncio.Event()
    worker = asyncio.create_task(app.run_worker(stop=stop))
    async with asyncio.timeout(20):
        await started.wait()
    assert await app.cancel_job(job_id)

    async def cancelled() -> bool:
        return (await job_of(app, job_id)).status == JobStatus.CANCELLED

    await until(cancelled)
    stop.set()
    assert (await worker).cancel == 1


async def test_rescue(app: Soniq, pooled_url: str, postgres_url: str) -> None:
    """The job of a worker whose lease has run out is run by another one: no lock is believed."""
    await app.ensure_initialized()
    await register(app.backend, lease=1.0, tasks=("note",))
    job = new_job(app.clock, "note", args='{"number": 1}')
    await claimed_job(app.backend, job)
    crew = Crew(pooled_url, heartbeat_interval=0.2, heartbeat_timeout=2.0)
    async with at_work(crew, 1):
        await until_done(postgres_url, 1, patience=20)
    assert (await job_of(app, job.id)).crashes == 1


async def test_the_users_transaction(app: Soniq, postgres_url: str) -> None:
    """A job goes with the caller's transaction on a lent connection: both are there, or neither."""

    @app.job()
    async def ship(order: int) -> None: ...

    for number in range(20):
        async with app.backend.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await app.enqueue(ship, order=number, connection=connection)
            jobs = await connection.fetchval("SELECT count(*) FROM soniq_jobs")
            assert jobs == (number + 1) // 2 + 1
            await (transaction.rollback() if number % 2 else transaction.commit())
    assert await counts(postgres_url) == {"queued": 10}


async def test_it_is_said_once(app: Soniq, caplog: pytest.LogCaptureFixture) -> None:
    """A worker says that nobody can wake it, and what to do; once, and without a password."""

    async def looked_often() -> bool:
        return len(claims) > 10

    claims: list[int] = []
    await app.ensure_initialized()
    claim = app.backend.jobs.claim

    async def counted(*args: object, **options: object) -> object:
        claims.append(1)
        return await claim(*args, **options)  # type: ignore[arg-type]

    app.backend.jobs.claim = counted  # type: ignore[assignment,method-assign]
    stop = asyncio.Event()
    with caplog.at_level(logging.INFO, "soniq.postgres"):
        worker = asyncio.create_task(app.run_worker(stop=stop))
        await until(looked_often)
        stop.set()
        await worker
    said = [record.getMessage() for record in caplog.records if "pooler" in record.getMessage()]
    assert len(said) == 1
    assert "poll_interval" in said[0]


async def test_setup(fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database is made and migrated through the pooler, by many at once; then it works."""
    with transaction_pooler(fresh_postgres_url, monkeypatch) as url:
        apps = [Soniq(database_url=url, enqueue_validation="none") for _ in range(4)]
        applied = await asyncio.gather(*(app.setup() for app in apps))
        migrations = await apps[0].migrations()
        assert sorted(step.version for steps in applied for step in steps) == [
            step.version for step in migrations
        ]
        assert all(step.applied_at for step in migrations)
        assert await apps[0].enqueue("note", args={"number": 1})
        for app in apps:
            await app.close()
        assert urlsplit(url).path == urlsplit(fresh_postgres_url).path
