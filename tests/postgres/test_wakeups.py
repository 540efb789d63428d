"""LISTEN and NOTIFY: between processes, after a commit, and after a lost connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import monotonic

import asyncpg
import pytest

from soniq import settings
from soniq.backends.contract import Backend
from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.departures import LOOKS
from soniq.backends.postgres.pool import Database
from soniq.clock import SystemClock
from soniq.errors import DatabaseError
from soniq.job import NewJob
from tests.support.jobs import until

NewJobs = Callable[..., NewJob]
LISTENERS = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'soniq-listen' AND datname = current_database()
"""
LISTENING = LISTENERS + " AND query LIKE 'LISTEN%' AND state = 'idle'"
# Long enough that reaching it is a failure, and not a slow machine.
TIMEOUT = 20.0


async def waiting(
    backend: Backend, onlooker: asyncpg.Connection[asyncpg.Record], *queues: str
) -> asyncio.Task[Collection[str]]:
    """Return a task that waits for these queues and listens already."""
    await backend.wakeups.wait(queues or None, 0)
    task = asyncio.create_task(backend.wakeups.wait(queues or None, TIMEOUT))

    async def listens() -> bool:
        return bool(await onlooker.fetch(LISTENING))

    await until(listens)
    return task


async def woken(task: asyncio.Task[Collection[str]]) -> bool:
    """Tell whether the wait ended long before its timeout."""
    began = monotonic()
    await task
    return monotonic() - began < TIMEOUT / 2


async def test_another_process_is_woken(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """A wake-up reaches a listener that shares nothing with the sender but the database."""
    other = postgres.sibling()
    await other.open()
    task = await waiting(other, onlooker, "mail")
    await postgres.wakeups.wake({"mail"})
    assert await woken(task)
    await other.close()


async def test_who_is_woken_learns_for_which_queues(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """For all that were called out in one transaction; kept ones too; after a loss for any."""
    task = await waiting(postgres, onlooker)
    two = "SELECT pg_notify('soniq_jobs', queue) FROM unnest(ARRAY['mail', 'shop']) AS queue"
    await onlooker.execute(two)
    assert await task == {"mail", "shop"}

    task = await waiting(postgres, onlooker, "mail")
    postgres.wakeups.rouse(["shop"])
    postgres.wakeups.rouse(["mail"])
    assert await task == {"mail"}
    assert await postgres.wakeups.wait(("shop",), TIMEOUT) == {"shop"}

    task = await waiting(postgres, onlooker, "mail")
    [listener] = await onlooker.fetch(LISTENERS)
    await onlooker.execute("SELECT pg_terminate_backend($1)", listener["pid"])
    assert await task == ()
    assert await postgres.wakeups.wait(("mail",), 0) == set()


async def test_a_job_and_its_call_share_a_trip(
    postgres: PostgresBackend,
    onlooker: asyncpg.Connection[asyncpg.Record],
    new_job: NewJobs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While nobody was called a moment ago; else the call is held back, and comes all the same."""
    other = postgres.sibling()
    await other.open()
    run, verbs = postgres._db.fetch, []

    async def noted(verb: str, *args: object) -> list[asyncpg.Record]:
        verbs.append(verb)
        return await run(verb, *args)

    monkeypatch.setattr(postgres._db, "fetch", noted)
    task = await waiting(other, onlooker, "mail")
    await postgres.jobs.insert([new_job(queue="mail")], wake=True)
    await postgres.jobs.insert([new_job(queue="mail")], wake=True)
    assert verbs == ["jobs/insert_then_wake"]
    assert await woken(task)
    task = asyncio.create_task(other.wakeups.wait(("mail",), TIMEOUT))
    assert await woken(task)
    assert verbs == ["jobs/insert_then_wake", "wakeups/wake"]
    await other.close()


async def test_a_job_that_a_lost_try_has_written(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], new_job: NewJobs
) -> None:
    """Written again, it is there once, and whoever waits for it is called."""
    other = postgres.sibling()
    await other.open()
    task = await waiting(other, onlooker, "mail")
    job = new_job(queue="mail")
    await postgres.jobs.insert([job])
    assert await postgres.jobs.insert([job], wake=True) == [job.id]
    assert await woken(task)
    assert [found.id for found in await postgres.jobs.find()] == [job.id]
    await other.close()


async def test_no_room_for_calls(
    fresh_postgres_url: str,
    new_job: NewJobs,
) -> None:
    """Where the server takes no more calls, the job is there once, and nobody gets an error."""
    backend = PostgresBackend(
        fresh_postgres_url, settings.load(database_url=fresh_postgres_url), SystemClock()
    )
    await backend.setup()
    await backend.open()
    async with backend.acquire() as connection:
        text = await connection.fetchval(
            "SELECT pg_get_functiondef('soniq_insert_then_wake'::regproc)"
        )
        assert "PERFORM" in text
        full = "RAISE 'too many notifications' USING ERRCODE = 'program_limit_exceeded'; PERFORM"
        await connection.execute(text.replace("PERFORM", full))
    job = new_job()
    assert await backend.jobs.insert([job], wake=True) == [job.id]
    assert [found.id for found in await backend.jobs.find()] == [job.id]
    await backend.close()


async def test_longest_names(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """A queue name of 255 characters, each of four bytes, fits into a message."""
    name = "\N{PARTY POPPER}" * 255
    task = await waiting(postgres, onlooker, name)
    await postgres.wakeups.wake({name})
    assert await woken(task)


async def test_listening_again_after_a_loss(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """A listener whose connection is killed makes another, rouses all once, and hears again."""
    task = await waiting(postgres, onlooker, "mail")
    (first,) = await onlooker.fetch(LISTENERS)
    await onlooker.execute("SELECT pg_terminate_backend($1)", first["pid"])
    assert await woken(task)
    task = await waiting(postgres, onlooker, "mail")
    (second,) = await onlooker.fetch(LISTENERS)
    await onlooker.execute("SELECT pg_notify('soniq_jobs', 'mail')")
    assert await woken(task)
    assert second["pid"] != first["pid"]


async def test_wake_after_the_commit(
    postgres: PostgresBackend,
    onlooker: asyncpg.Connection[asyncpg.Record],
    new_job: NewJobs,
) -> None:
    """A job in the caller's transaction rouses workers when it is committed, and not before."""
    async with postgres.acquire() as connection:
        task = await waiting(postgres, onlooker, "mail")
        async with connection.transaction():
            await postgres.jobs.insert([new_job(queue="mail")], connection=connection)
            postgres.wakeups.wake_after(connection, {"mail"})
            await connection.execute("SELECT pg_sleep(0.1)")
            assert not task.done()
        assert await woken(task)
        assert await postgres.jobs.due_in(("mail",)) == pytest.approx(0.0)


async def test_wake_after_the_connection_was_given_back(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """A connection that has returned to its pool has left its transaction."""
    task = await waiting(postgres, onlooker, "mail")
    async with postgres.acquire() as connection:
        pass
    postgres.wakeups.wake_after(connection, {"mail"})
    assert await woken(task)


async def test_wake_after_a_commit_right_before_the_end(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], postgres_url: str
) -> None:
    """Who closes as soon as it has committed still rouses workers."""
    heard = asyncio.Event()
    await onlooker.add_listener("soniq_jobs", lambda *_: heard.set())
    bare = await asyncpg.connect(postgres_url)
    async with bare.transaction():
        postgres.wakeups.wake_after(bare, {"mail"})
    await postgres.close()
    async with asyncio.timeout(TIMEOUT):
        await heard.wait()
    await bare.close()


async def test_wake_after_many_jobs_of_one_transaction(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], postgres_url: str
) -> None:
    """They share one message, which a savepoint does not bring forward."""
    heard: list[object] = []
    await onlooker.add_listener("soniq_jobs", lambda *message: heard.append(message[-1]))
    bare = await asyncpg.connect(postgres_url)
    async with bare.transaction():
        for queue in ["mail", "news"] * 50:
            async with bare.transaction():
                postgres.wakeups.wake_after(bare, {queue})
        await onlooker.fetch("SELECT pg_sleep(0.05)")
        assert heard == []

    async def both() -> bool:
        await onlooker.fetch("SELECT 1")
        return len(heard) >= 2

    await until(both)
    assert sorted(map(str, heard)) == ["mail", "news"]
    await bare.close()


async def test_wake_after_a_transaction_that_is_lost(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], postgres_url: str
) -> None:
    """A connection that ends, with or without a word, is watched no longer."""
    task = await waiting(postgres, onlooker, "mail")
    async with asyncpg.create_pool(postgres_url, min_size=1, max_size=1) as pool:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            postgres.wakeups.wake_after(connection, {"mail"})
            connection.terminate()
        assert await woken(task)
    task = await waiting(postgres, onlooker, "news")
    bare = await asyncpg.connect(postgres_url)
    await bare.execute("BEGIN")
    postgres.wakeups.wake_after(bare, {"news"})
    await onlooker.execute("SELECT pg_terminate_backend($1)", bare.get_server_pid())
    assert await woken(task)


async def test_wake_after_is_told_once(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], postgres_url: str
) -> None:
    """What the connection does after the commit rouses nobody again."""
    heard: list[object] = []
    await onlooker.add_listener("soniq_jobs", lambda *message: heard.append(message[-1]))
    bare = await asyncpg.connect(postgres_url)
    async with bare.transaction():
        postgres.wakeups.wake_after(bare, {"mail"})
    for _ in range(10):
        await bare.execute("SELECT 1")
    await postgres.close()
    await onlooker.fetch("SELECT 1")
    assert heard == ["mail"]
    await bare.close()


async def test_many_wakes_share_statements(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record]
) -> None:
    """A thousand wake-ups at once cost a handful of messages."""
    heard: list[object] = []
    await onlooker.add_listener("soniq_jobs", lambda *message: heard.append(message[-1]))
    for _ in range(1000):
        await postgres.wakeups.wake({"mail"})
    await postgres.close()
    await onlooker.fetch("SELECT 1")
    assert 1 <= len(heard) <= 5


async def test_wake_after_while_calls_are_held_back(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], postgres_url: str
) -> None:
    """A commit is told although the connection is in its next transaction when it is looked at."""
    heard: list[object] = []
    await onlooker.add_listener("soniq_jobs", lambda *message: heard.append(message[-1]))
    bare = await asyncpg.connect(postgres_url)
    await postgres.wakeups.wake({"news"})
    async with bare.transaction():
        postgres.wakeups.wake_after(bare, {"mail"})
    async with bare.transaction():

        async def told() -> bool:
            await onlooker.fetch("SELECT 1")
            return "mail" in heard

        await until(told)
    await bare.close()


async def test_wake_after_a_long_transaction_that_began_while_calls_were_held_back(
    postgres: PostgresBackend, onlooker: asyncpg.Connection[asyncpg.Record], postgres_url: str
) -> None:
    """It is looked at a few times at most, then told of when it ends."""
    heard: list[object] = []
    await onlooker.add_listener("soniq_jobs", lambda *message: heard.append(message[-1]))
    bare = await asyncpg.connect(postgres_url)
    async with bare.transaction():
        await postgres.wakeups.wake({"news"})
        postgres.wakeups.wake_after(bare, {"mail"})
        await onlooker.fetch("SELECT pg_sleep(0.2)")
        before = heard.count("mail")
        assert before <= LOOKS

    async def told() -> bool:
        await onlooker.fetch("SELECT 1")
        return heard.count("mail") > before

    await until(told)
    await bare.close()


async def test_wake_after_a_call_that_could_not_be_sent(
    postgres: PostgresBackend,
    onlooker: asyncpg.Connection[asyncpg.Record],
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A commit is told although the calls that it was to go with have failed meanwhile."""
    heard: list[object] = []
    await onlooker.add_listener("soniq_jobs", lambda *message: heard.append(message[-1]))
    bare = await asyncpg.connect(postgres_url)
    sending, failing = asyncio.Event(), asyncio.Event()

    async def fail(*_: object) -> None:
        sending.set()
        await failing.wait()
        message = "gone for a moment"
        raise DatabaseError(message)

    async with bare.transaction():
        with monkeypatch.context() as broken:
            broken.setattr(Database, "fetch", fail)
            await postgres.wakeups.wake({"news"})
            await sending.wait()
            postgres.wakeups.wake_after(bare, {"mail"})
            failing.set()
            await until_idle(postgres)

    async def told() -> bool:
        await onlooker.fetch("SELECT 1")
        return heard == ["mail"]

    await until(told)
    await bare.close()


async def until_idle(postgres: PostgresBackend) -> None:
    """Return when nothing is being sent."""

    async def idle() -> bool:
        return postgres.wakeups._sender is None

    await until(idle)
