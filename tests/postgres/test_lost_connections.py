"""Connections that break under a statement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from soniq.backends import sqltext
from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.claims import LOOK_SECONDS
from soniq.backends.postgres.session import FOLDER
from soniq.clock import SystemClock
from soniq.errors import DatabaseUnreachable
from soniq.events import Events
from soniq.job import JobStatus, NewJob
from soniq.outcome import Bury, Complete, Failure, Reason, Settlement
from soniq.settings import Settings
from soniq.worker.settle import Settler
from tests.support.clock import FrozenClock
from tests.support.jobs import until

NewJobs = Callable[..., NewJob]
IDS = SystemClock()
# Other tests run on the same server at the same time.
KILL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'soniq' AND datname = current_database()
"""

ALIVE = "SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)"


async def test_statements_survive_a_restart(
    postgres: PostgresBackend,
    onlooker: asyncpg.Connection[asyncpg.Record],
    new_job: NewJobs,
) -> None:
    """When all connections were killed, an insert gets another one and nobody notices."""
    for _ in range(5):
        await onlooker.execute(KILL)
        await postgres.jobs.insert([new_job()])
    assert len(await postgres.jobs.find()) == 5


async def test_several_connections_at_hand_are_lost(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """The next statement finds that none of them is open, and opens another one."""

    async def pid(connection: asyncpg.pool.PoolConnectionProxy[asyncpg.Record]) -> int:
        found: int = await connection.fetchval("SELECT pg_backend_pid() FROM pg_sleep(0.05)")
        return found

    for _ in range(2):
        pids = await asyncio.gather(*(postgres._db.repeat(pid) for _ in range(3)))
        assert len(set(pids)) > 1
        await onlooker.execute(KILL)

        async def all_are_gone(pids: list[int] = pids) -> bool:
            return not await onlooker.fetch(ALIVE, pids)

        await until(all_are_gone)
        await postgres.jobs.insert([new_job()])
    assert len(await postgres.jobs.find()) == 2


async def test_completion_whose_answer_was_lost(
    postgres: PostgresBackend,
    new_job: NewJobs,
    worker_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The worker says it again, learns that it still owns the job, and counts it as complete."""
    await postgres.jobs.insert([new_job()])
    (job,) = await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    run = postgres._db.fetch
    lost: list[str] = []

    async def lose_the_first_answer(verb: str, *args: object) -> list[asyncpg.Record]:
        records = await run(verb, *args)
        if not lost:
            lost.append(verb)
            raise DatabaseUnreachable
        return records

    settler = Settler(postgres, worker_id, events=Events(), clock=SystemClock())
    with monkeypatch.context() as patch:
        patch.setattr(postgres._db, "fetch", lose_the_first_answer)
        settler.add(Settlement(job, Complete("7")))
        assert await settler.drain(10)
    assert (lost, dict(settler.tally)) == (["jobs/complete"], {"complete": 1})
    done = await postgres.jobs.get(job.id)
    assert done is not None
    assert (done.status, done.result) == (JobStatus.DONE, 7)


async def test_claim_whose_answer_was_lost(
    postgres: PostgresBackend,
    new_job: NewJobs,
    worker_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Jobs that were claimed for nobody are given back, unspent, by the worker's next claim."""
    await postgres.jobs.insert([new_job(), new_job()])
    (held,) = await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    run = postgres._db.fetch_once

    async def lose_the_answer(verb: str, *args: object) -> list[asyncpg.Record]:
        await run(verb, *args)
        raise DatabaseUnreachable

    with monkeypatch.context() as patch:
        patch.setattr(postgres._db, "fetch_once", lose_the_answer)
        with pytest.raises(DatabaseUnreachable):
            await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    assert [job.status for job in await postgres.jobs.find()] == [JobStatus.PROCESSING] * 2

    (again,) = await postgres.jobs.claim(("default",), limit=5, worker=worker_id)
    assert (again.id != held.id, again.attempt, again.fence) == (True, 1, 2)
    settlements = [Settlement(job, Complete()) for job in (held, again)]
    assert await postgres.jobs.settle(settlements, worker=worker_id) == {held.id, again.id}


async def test_claim_that_was_committed_late(
    postgres_url: str,
    onlooker: asyncpg.Connection[asyncpg.Record],
    new_job: NewJobs,
    worker_id: str,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A claim that the server carries out when its worker has given up on it is found, too."""
    postgres = PostgresBackend(postgres_url, Settings(), clock)
    await postgres.open()
    await postgres.jobs.insert([new_job(), new_job()])
    (held,) = await postgres.jobs.claim(("default",), limit=1, worker=worker_id)

    async def give_up(*_: object) -> list[asyncpg.Record]:
        raise DatabaseUnreachable

    with monkeypatch.context() as patch:
        patch.setattr(postgres._db, "fetch_once", give_up)
        with pytest.raises(DatabaseUnreachable):
            await postgres.jobs.claim(("other",), limit=1, worker=worker_id)
    assert await postgres.jobs.claim(("other",), limit=1, worker=worker_id) == []
    claim = sqltext.read(FOLDER, "jobs/claim")
    (late,) = await onlooker.fetch(claim, clock.now(), "default", 1, worker_id, [])
    assert await postgres.jobs.claim(("default",), limit=5, worker=worker_id) == []

    clock.advance(seconds=LOOK_SECONDS)
    (again,) = await postgres.jobs.claim(("default",), limit=5, worker=worker_id)
    assert (again.id, again.fence) == (str(late["id"]), late["fence"] + 1)
    assert await postgres.jobs.settle([Settlement(held, Complete())], worker=worker_id)
    await postgres.close()


@pytest.mark.parametrize("once", [False, True])
async def test_replay_whose_answer_was_lost(
    postgres: PostgresBackend, new_job: NewJobs, worker_id: str, *, once: bool
) -> None:
    """A replay that is repeated with the same new id queues and counts once."""
    await postgres.jobs.insert([new_job()])
    (job,) = await postgres.jobs.claim(("default",), limit=1, worker=worker_id)
    bury = Bury(Reason.PERMANENT_FAILURE, Failure("ValueError: oops", None))
    await postgres.jobs.settle([Settlement(job, bury)], worker=worker_id)
    new_id = IDS.new_id()
    for _ in range(2):
        assert await postgres.dead_letters.replay(job.id, new_id=new_id, once=once)
    letter = await postgres.dead_letters.get(job.id)
    assert letter is not None
    assert letter.resurrection_count == 1
    assert [job.id for job in await postgres.jobs.find()] == [new_id]
    assert not await postgres.dead_letters.replay(IDS.new_id(), new_id=IDS.new_id())


async def test_lent_connection_that_is_lost_at_the_end(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Giving back a connection that was lost meanwhile raises nothing: the work on it is done."""
    async with postgres.acquire() as connection:
        await connection.execute("SELECT 1")
        await onlooker.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
    async with postgres.acquire() as connection:
        assert await connection.fetchval("SELECT 1") == 1
