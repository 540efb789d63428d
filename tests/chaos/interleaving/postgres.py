"""Play all orders of steps of two calls on a real PostgreSQL, and tell which ends are unlawful."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from soniq import settings
from soniq.backends.postgres import PostgresBackend
from soniq.backends.postgres.dead_letters import PostgresDeadLetters
from soniq.backends.postgres.jobs import PostgresJobs
from soniq.backends.postgres.stats import PostgresStats
from soniq.backends.postgres.target import Target
from soniq.backends.postgres.wakeups import PostgresWakeups
from soniq.backends.postgres.workers import PostgresWorkers
from tests.chaos.interleaving.serial import Case, End, Picture, complaint, seen
from tests.chaos.interleaving.steps import HURRY, Actor, Conductor, SteppedDatabase, every_schedule
from tests.chaos.interleaving.verbs import STATES, VERBS, Party, Scene
from tests.support import FrozenClock

MOST_SCHEDULES = 1000
TABLES = (
    "soniq_jobs",
    "soniq_dead_letter_jobs",
    "soniq_workers",
    "soniq_rollups",
    "soniq_tallies",
)
KEEP = ";".join(f"CREATE TEMP TABLE kept_{table} AS TABLE {table}" for table in TABLES)
RESTORE = ";".join(
    f"DELETE FROM {table}; INSERT INTO {table} TABLE kept_{table}"  # noqa: S608 - our own tables
    for table in TABLES
)


class PostgresStores:
    """The product's stores over one party's connection; nothing is remembered from before."""

    def __init__(self, db: SteppedDatabase, clock: FrozenClock) -> None:
        self.jobs = PostgresJobs(db, clock, PostgresWakeups(db, clock))
        self.dead_letters = PostgresDeadLetters(db, clock)
        self.workers = PostgresWorkers(db, clock)
        self.stats = PostgresStats(db, clock)


@dataclass(slots=True)
class Stage:
    """A database in a starting state, to which it can be brought back again and again."""

    scene: Scene
    onlooker: asyncpg.Connection[asyncpg.Record]
    actors: tuple[tuple[Actor, SteppedDatabase], ...]

    async def schedules(self, case: Case) -> tuple[int, list[str]]:
        """Play a case in all orders of steps; return how many, and what was wrong, in words."""
        wrong: list[str] = []

        async def play(schedule: list[int]) -> list[tuple[int, int]]:
            choices, steps, end = await self._play(case, schedule)
            if end not in case.lawful:
                wrong.append(complaint(case, ", ".join(steps), end))
            return choices

        return await every_schedule(play, most=MOST_SCHEDULES), wrong

    async def _play(
        self, case: Case, schedule: list[int]
    ) -> tuple[list[tuple[int, int]], list[str], End]:
        await self.onlooker.execute(RESTORE)
        actors = [actor for actor, _ in self.actors]
        for number, (actor, db) in enumerate(self.actors):
            stores = PostgresStores(db, self.scene.clock)
            party = Party(stores, self.scene.clock, self.scene.claims, number)
            actor.start(VERBS[case.verbs[number]](party))
        try:
            choices, steps = await Conductor(self.onlooker, *actors).play(schedule)
        finally:
            for actor in actors:
                await actor.abandon()
        first, second = (actor.answer() for actor in actors)
        return choices, steps, End((first, second), await self._look())

    async def _look(self) -> Picture:
        records = await self.onlooker.fetch("SELECT id, fence, cancel_requested FROM soniq_jobs")
        hidden = {str(r["id"]): (r["fence"], r["cancel_requested"]) for r in records}
        return await seen(self.scene.stores, hidden)


@asynccontextmanager
async def stage(url: str, state: str) -> AsyncIterator[Stage]:
    """Bring an empty database into a state, and two actors to it."""
    clock = FrozenClock()
    backend = PostgresBackend(url, settings.load(database_url=url), clock, connections=1)
    databases = [SteppedDatabase(Target.of(url), size=1, lend_min=0, lend_max=1) for _ in range(2)]
    onlooker = await asyncpg.connect(url)
    try:
        await backend.open()
        scene = Scene(backend, clock)
        await STATES[state](scene)
        await onlooker.execute(HURRY)
        await onlooker.execute(KEEP)
        for db in databases:
            await db.open()
            await db.hurry()
        actors = tuple((Actor(f"{n + 1}", db), db) for n, db in enumerate(databases))
        yield Stage(scene, onlooker, actors)
    finally:
        for opened in (backend, *databases, onlooker):
            await opened.close()
