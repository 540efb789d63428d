"""The server is there, and accepts nobody for a while: too many connections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from time import monotonic
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from soniq.errors import DatabaseUnreachable
from soniq.events import PassFailed
from tests.chaos.figures import figure
from tests.chaos.inprocess import Crew, at_work, until_done
from tests.support.jobs import until
from tests.support.postgres import Server, execute, run_apart

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1"
FAILURES = 12


@pytest.fixture
def limited(postgres_server: Server, postgres_url: str) -> Iterator[str]:
    """The name of a role that may be given a limit of connections."""
    name = f"limited_{uuid4().hex[:12]}"
    postgres_server.execute(f"CREATE ROLE {name} LOGIN")
    run_apart(lambda: execute(postgres_url, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"))
    yield name
    run_apart(lambda: execute(postgres_url, f"DROP OWNED BY {name}"))
    postgres_server.execute(f"DROP ROLE {name}")


@pytest.mark.timeout(90)
async def test_too_many_connections(limited: str, postgres_url: str) -> None:
    """Workers that get no connection keep what they have finished, and go on within 3 s."""
    parts = urlsplit(postgres_url)
    netloc = f"{limited}@{parts.hostname}:{parts.port}"
    crew = Crew(parts._replace(netloc=netloc).geturl())
    crew.pace = 0.3
    failures: list[float] = []
    admin = await asyncpg.connect(postgres_url)

    def note(_: PassFailed) -> None:
        failures.append(monotonic())

    async def refused_often() -> bool:
        return len(failures) >= FAILURES

    async def busy() -> bool:
        return crew.runs.total() >= 10

    async with at_work(crew, 2, prepare=lambda app: app.events.on(PassFailed, note)):
        await crew.producer.enqueue_many("note", [{"number": n} for n in range(60)])
        await until(busy)
        await admin.execute(f"ALTER ROLE {limited} CONNECTION LIMIT 0")
        await admin.fetch(KILL, limited)
        await until(refused_often)
        before = crew.runs.total()
        await admin.execute(f"ALTER ROLE {limited} CONNECTION LIMIT -1")
        accepted = monotonic()

        async def resumed() -> bool:
            return crew.runs.total() > before

        await until(resumed)
        first = monotonic() - accepted
        await until_done(postgres_url, 60, patience=30)
    await admin.close()
    figure("too many connections", failures=len(failures), first_claim_s=round(first, 2))
    assert crew.runs.total() == 60
    assert first <= 6


async def test_enqueue_tells(limited: str, postgres_url: str) -> None:
    """A caller is told soon that the server accepts nobody, and why."""
    parts = urlsplit(postgres_url)
    crew = Crew(parts._replace(netloc=f"{limited}@{parts.hostname}:{parts.port}").geturl())
    await crew.producer.ensure_initialized()
    admin = await asyncpg.connect(postgres_url)
    await admin.execute(f"ALTER ROLE {limited} CONNECTION LIMIT 0")
    await admin.fetch(KILL, limited)
    async with asyncio.timeout(5):
        with pytest.raises(DatabaseUnreachable, match="too many connections"):
            await crew.producer.enqueue("note", args={"number": 1})
    await admin.execute(f"ALTER ROLE {limited} CONNECTION LIMIT -1")
    await crew.producer.enqueue("note", args={"number": 1})
    await crew.producer.close()
    await admin.close()
