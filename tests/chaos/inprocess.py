"""Workers in the test's own process, whose every run of a job is noted in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import asyncpg

from soniq import Soniq
from soniq.errors import DatabaseError
from soniq.repeat import rest
from tests.support.jobs import until

COUNT = "SELECT status::text, count(*) AS number FROM soniq_jobs GROUP BY status"


@dataclass
class Produced:
    """Numbers of jobs that are durable, and of those of which nobody knows: they may run once."""

    durable: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)


class Crew:
    """Apps on one database: one that enqueues, and some that work."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.url = url
        self.settings = settings
        self.runs: Counter[int] = Counter()
        self.started_at: list[float] = []
        # How long each job takes, in seconds; a test may change its mind.
        self.pace = 0.0
        self.producer = self.app()
        self.workers: list[asyncio.Task[Any]] = []

    def app(self) -> Soniq:
        """Return a new app that knows the task ``note`` (and whatever the test adds to it)."""
        app = Soniq(database_url=self.url, **self.settings)

        @app.job(name="note")
        async def note(number: int) -> None:
            self.started_at.append(monotonic())
            self.runs[number] += 1
            await asyncio.sleep(self.pace)

        return app

    def extra_runs(self) -> int:
        """Return how many runs there were beyond one for each job."""
        return self.runs.total() - len(self.runs)


@asynccontextmanager
async def at_work(
    crew: Crew,
    number: int,
    *,
    concurrency: int = 10,
    prepare: Callable[[Soniq], object] = lambda _: None,
) -> AsyncIterator[Crew]:
    """Let so many workers work; they must all be alive at the end, and then stop in order."""
    stop = asyncio.Event()
    apps = [crew.app() for _ in range(number)]
    for app in apps:
        prepare(app)
    crew.workers = [
        asyncio.create_task(app.run_worker(concurrency=concurrency, stop=stop)) for app in apps
    ]
    try:
        yield crew
        assert [worker for worker in crew.workers if worker.done()] == []
    finally:
        stop.set()
        await asyncio.gather(*crew.workers, return_exceptions=True)
        for app in (crew.producer, *apps):
            await app.close()


async def counts(url: str) -> dict[str, int]:
    """Return the number of jobs by status, asked on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return {record["status"]: record["number"] for record in await connection.fetch(COUNT)}
    finally:
        await connection.close()


async def until_settled(url: str, *, patience: float) -> dict[str, int]:
    """Return the counts when nothing is queued or runs any more; TimeoutError otherwise."""

    async def settled() -> bool:
        return (await counts(url)).keys() <= {"done"}

    try:
        await until(settled, patience=patience)
    except TimeoutError:
        message = f"All jobs should be done, but there are {await counts(url)}"
        raise TimeoutError(message) from None
    return await counts(url)


async def until_done(url: str, number: int, *, patience: float) -> None:
    """Return when so many jobs are done; TimeoutError with the counts if that takes too long."""

    async def done() -> bool:
        return (await counts(url)).get("done") == number

    try:
        await until(done, patience=patience)
    except TimeoutError:
        message = f"{number} jobs should be done, but there are {await counts(url)}"
        raise TimeoutError(message) from None


async def keep_enqueueing(crew: Crew, stop: asyncio.Event, *, batch: int, pause: float) -> Produced:
    """Enqueue batch after batch until told to stop; whoever runs it keeps going through outages."""
    produced = Produced()
    number = 0
    while not stop.is_set():
        numbers = range(number, number + batch)
        number += batch
        try:
            await crew.producer.enqueue_many("note", [{"number": one} for one in numbers])
            produced.durable.update(numbers)
        except DatabaseError:
            produced.unknown.update(numbers)
        await rest(stop, pause)
    return produced
