"""Three backends, one behaviour: the same calls give the same answers and the same tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from soniq import settings as configuration
from soniq.backends import connect
from soniq.backends.contract import Backend, Queues
from soniq.backends.worker_contract import Vitals, WorkerIdentity
from soniq.errors import JobProcessing
from soniq.job import ClaimedJob, JobStatus, NewJob
from soniq.outcome import Outcome, Settlement
from tests.support import FrozenClock
from tests.support.calls import (
    NAMES,
    WORKERS,
    mostly_all,
    names,
    outcomes,
    picks,
    queue_names,
    requests,
    served,
    unknown,
    workers,
)
from tests.support.clock import START
from tests.support.postgres import empty as empty_database

ENOUGH = 8  # waiting jobs: more of them would only leave less time for other calls
PLENTY = 10_000  # more rows than there ever are


class Machine(RuleBasedStateMachine):
    """Calls all backends alike; the first one's answers choose what can be called next."""

    backends: tuple[Backend, ...]
    clock: FrozenClock
    run: Callable[[Awaitable[Any]], Any]
    empty: Callable[[], tuple[Backend, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.claims: list[tuple[str, ClaimedJob]] = []
        self.ids: list[str] = [WORKERS[0], "no uuid"]
        self.tables: dict[str, Any] = {"dead letters": []}
        self.rows: dict[str, dict[str, Any]] = {}

    @initialize()
    def start_empty(self) -> None:
        """Begin with empty tables at the same moment."""
        type(self).backends = self.empty()
        self.clock.advance(seconds=(START - self.clock.now()).total_seconds())
        for worker, lease in zip(WORKERS, (30.0, 3600.0, 1e6), strict=True):
            identity = WorkerIdentity(worker, "host", 1, None, 10, NAMES[:2])
            self.ask(lambda backend: backend.workers.register(identity, lease=lease))  # noqa: B023

    def ask(self, call: Callable[[Backend], Awaitable[Any]]) -> Any:
        """Make one call on each backend and return the answer that all of them give."""
        answers = self.run(ask_all(self.backends, call))
        for backend, answer in zip(self.backends, answers, strict=True):
            assert answer == answers[0], f"{backend.name} differs from {self.backends[0].name}"
        return answers[0]

    def new_id(self, place: int) -> str:
        """Return an id that sorts anywhere among the others, not only behind them."""
        self.made += 1
        self.ids.append(str(UUID(int=place << 96 | 7 << 76 | 2 << 62 | self.made)))
        return self.ids[-1]

    @precondition(lambda self: self.waiting() < ENOUGH)
    @rule(requests=st.lists(st.tuples(picks, requests), min_size=1, max_size=6))
    def insert(self, requests: list[tuple[int, dict[str, Any]]]) -> None:
        """Insert jobs, some with keys, some for later."""
        jobs = [NewJob(id=self.new_id(place), **request) for place, request in requests]
        self.ask(lambda backend: backend.jobs.insert(jobs))

    @precondition(lambda self: self.waiting())
    @rule(
        queues=mostly_all,
        limit=st.sampled_from([1, 3, 8]),
        worker=workers,
        unknown=unknown,
        chosen=st.just([]) | st.lists(outcomes, min_size=1, max_size=4),
    )
    def work(
        self, queues: Queues, limit: int, worker: str, unknown: list[str], chosen: list[Outcome]
    ) -> None:
        """Claim some and settle none, some or all of them at once."""
        got = self.ask(
            lambda backend: backend.jobs.claim(queues, limit=limit, worker=worker, unknown=unknown)
        )
        self.claims += [(worker, job) for job in got]
        self.tables_are_equal()
        self.settle_all(worker, got, chosen)

    @precondition(lambda self: self.in_force())
    @rule(chosen=st.lists(outcomes, min_size=2, max_size=6))
    def settle(self, chosen: list[Outcome]) -> None:
        """Settle claims of one worker that are in force, also from long ago."""
        claims = self.in_force()
        worker = claims[0][0]
        self.settle_all(worker, [job for owner, job in claims if owner == worker], chosen)

    def settle_all(self, worker: str, jobs: list[ClaimedJob], chosen: list[Outcome]) -> None:
        """Settle as many of the jobs as there are outcomes.

        Which of two jobs with one key keeps it is nobody's promise, so no two go in one batch.
        """
        batch: list[Settlement] = []
        keyed: set[str] = set()
        for job, outcome in zip(jobs, chosen, strict=False):
            key = self.rows[job.id]["unique_key"]
            if key not in keyed:
                batch.append(Settlement(job, outcome))
                keyed |= {key} if key else set()
        owned = self.ask(lambda backend: backend.jobs.settle(batch, worker=worker))
        assert owned == {settlement.job.id for settlement in batch}

    @precondition(lambda self: self.claims)
    @rule(
        pick=st.integers(0, 5), outcome=outcomes, thief=st.none() | workers, step=st.integers(-1, 1)
    )
    def settle_out_of_turn(self, pick: int, outcome: Outcome, thief: str | None, step: int) -> None:
        """Settle with any worker's name and any fence near one that was true once."""
        owner, job = self.claims[-1 - pick % len(self.claims)]
        forged = Settlement(job._replace(fence=job.fence + step), outcome)
        self.ask(lambda backend: backend.jobs.settle([forged], worker=thief or owner))

    @precondition(lambda self: self.claims)
    @rule(pick=st.integers(0, 5), thief=st.none() | workers)
    def isolate(self, pick: int, thief: str | None) -> None:
        """Note that a claim runs alone, also one that is lost or another worker's."""
        owner, job = self.claims[-1 - pick % len(self.claims)]
        self.ask(lambda backend: backend.jobs.isolate(job, worker=thief or owner))

    @rule(by=st.sampled_from([0.5, 1.0, 29.0, 31.0, 61.0, 601.0, 90_000.0]))
    def pass_time(self, by: float) -> None:
        """Move on."""
        self.clock.advance(seconds=by)

    @precondition(lambda self: self.in_force() and not self.twins(JobStatus.PROCESSING))
    @rule(later=st.sampled_from([0, 31, 31, 4000]), max_crashes=st.integers(1, 3))
    def rescue(self, later: float, max_crashes: int) -> None:
        """Rescue; two running jobs of one key would leave it open which one keeps it."""
        self.clock.advance(seconds=later)

        async def rescued(backend: Backend) -> list[Any]:
            found = await backend.jobs.rescue(max_crashes=max_crashes)
            return sorted(found, key=lambda one: one.job_id)

        self.ask(rescued)

    @rule(pick=picks, place=picks)
    def replay(self, pick: int, place: int) -> None:
        """Replay a dead letter, or an id that is none."""
        records = [row["id"] for row in self.tables["dead letters"]]
        old = choose(records or self.ids, pick)
        new = self.new_id(place)
        self.ask(lambda backend: backend.dead_letters.replay(old, new_id=new))

    @precondition(lambda self: self.rows or self.tables["dead letters"])
    @rule(verb=st.sampled_from(["cancel", "cancel", "delete", "delete dead letter"]), pick=picks)
    def intervene(self, verb: str, pick: int) -> None:
        """Cancel or delete anything; what can't be is refused by all alike."""
        there = [row["id"] for table in ("jobs", "dead letters") for row in self.tables[table]]
        job_id = choose([*self.ids[-2:], "no uuid", *there], pick)

        async def done(backend: Backend) -> bool | str:
            try:
                match verb:
                    case "cancel":
                        return await backend.jobs.cancel(job_id)
                    case "delete":
                        return await backend.jobs.delete(job_id)
                    case _:
                        return await backend.dead_letters.delete(job_id)
            except JobProcessing:
                return "it runs"

        self.ask(done)

    @precondition(lambda self: len(self.rows) > self.waiting() or self.tables["dead letters"])
    @rule(
        verb=st.sampled_from(["prune", "purge", "bury"]),
        age=st.sampled_from([0.25, 59.0, 3600.0]),
        queue=st.none() | queue_names,
        name=st.none() | names,
    )
    def clean(self, verb: str, age: float, queue: str | None, name: str | None) -> None:
        """Prune ended jobs, purge dead letters, bury what nobody knows."""

        async def cleaned(backend: Backend) -> int:
            match verb:
                case "prune":
                    return await backend.jobs.prune(older_than=age, limit=PLENTY)
                case "purge":
                    return await backend.dead_letters.purge(older_than=age, queue=queue, name=name)
                case _:
                    return await backend.jobs.bury_unknown([name or NAMES[0]], grace=age)

        self.ask(cleaned)

    @rule(queue=queue_names, resume=st.booleans(), reason=st.sampled_from(["", "ü"]))
    def pause(self, queue: str, resume: bool, reason: str) -> None:
        """Pause a queue or let it go on; what is claimed and due next depends on it."""

        async def paused(backend: Backend) -> bool:
            if resume:
                return await backend.queues.resume(queue)
            return await backend.queues.pause(queue, by="ana", reason=reason)

        self.ask(paused)

    @rule(
        verb=st.sampled_from(["register", "register", "renew", "ask", "leave", "prune"]),
        worker=workers,
        wish=st.sampled_from([None, "quiet", "stop"]),
        vitals=st.sampled_from([None, Vitals(3, 2**33, 0.25), Vitals(0, None, None)]),
        lease=st.sampled_from([30.0, 3600.0]),
        tasks=unknown,
        queues=served,
    )
    def live(
        self,
        verb: str,
        worker: str,
        wish: str | None,
        vitals: Vitals | None,
        lease: float,
        tasks: list[str],
        queues: Queues,
    ) -> None:
        """Workers come, stay alive, are asked for something, leave and are pruned."""
        identity = WorkerIdentity(worker, "host", 1, queues, 10, tuple(tasks), "1.2")

        async def lived(backend: Backend) -> object:
            match verb:
                case "register":
                    await backend.workers.register(identity, lease=lease)
                case "renew":
                    return await backend.workers.renew(worker, lease=lease, vitals=vitals)
                case "ask":
                    return await backend.workers.ask(worker, wish)
                case "leave":
                    await backend.workers.leave(worker)
                case _:
                    return await backend.workers.prune()
            return None

        self.ask(lived)

    @rule(
        queues=served,
        unknown=unknown,
        status=st.none() | st.sampled_from(list(JobStatus)),
        name=st.none() | names,
        replayed=st.none() | st.booleans(),
        page=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    )
    def look(
        self,
        queues: Queues,
        unknown: list[str],
        status: JobStatus | None,
        name: str | None,
        replayed: bool | None,
        page: tuple[int, int],
    ) -> None:
        """Look for the next moment, and for rows with any filter."""
        limit, offset = page
        queue = queues[0] if queues else None

        async def seen(backend: Backend) -> tuple[float | None, list[str]]:
            due = await backend.jobs.due_in(queues, unknown=unknown)
            jobs = await backend.jobs.find(
                queue=queue, status=status, name=name, limit=limit, offset=offset
            )
            letters = await backend.dead_letters.find(
                queue=queue, name=name, replayed=replayed, limit=limit, offset=offset
            )
            ids = [job.id for job in jobs] + [letter.id for letter in letters]
            return (None if due is None else round(due, 5)), ids

        self.ask(seen)

    @invariant()
    def tables_are_equal(self) -> None:
        """After every step every row of every table is the same everywhere."""
        self.tables = self.ask(contents)
        self.rows = {row["id"]: row for row in self.tables["jobs"]}
        assert not self.twins(JobStatus.QUEUED), "two jobs wait under one key"

    def waiting(self) -> int:
        """Return how many jobs are queued."""
        return sum(row["status"] is JobStatus.QUEUED for row in self.rows.values())

    def in_force(self) -> list[tuple[str, ClaimedJob]]:
        """Return the claims that can still be settled, each with its worker, the latest first."""
        latest = {job.id: (worker, job) for worker, job in self.claims}
        return [
            (worker, job)
            for worker, job in reversed(latest.values())
            if job.id in self.rows and self.rows[job.id]["worker_id"] == worker
            if self.rows[job.id]["status"] is JobStatus.PROCESSING
        ]

    def twins(self, status: JobStatus) -> bool:
        """Tell whether two jobs of that status have the same key."""
        held = [
            row["unique_key"]
            for row in self.tables["jobs"]
            if row["status"] is status and row["unique_key"] is not None
        ]
        return len(held) != len(set(held))


def choose(ids: list[str], pick: int) -> str:
    """Return one of the ids, the latest for a small number."""
    return ids[-1 - pick % len(ids)]


async def ask_all(
    backends: tuple[Backend, ...], call: Callable[[Backend], Awaitable[Any]]
) -> list[Any]:
    """Return what each backend answers."""
    return list(await asyncio.gather(*(call(backend) for backend in backends)))


async def contents(backend: Backend) -> dict[str, Any]:
    """Return everything that can be read, in an order that does not depend on the backend."""
    jobs, letters, workers, queues, pauses, causes = await asyncio.gather(
        backend.jobs.find(limit=PLENTY),
        backend.dead_letters.find(limit=PLENTY),
        backend.workers.find(),
        backend.stats.queues(),
        backend.queues.paused(),
        backend.dead_letters.count(),
    )
    return {
        "jobs": [dict(row) for row in jobs],
        "dead letters": [dict(row) for row in letters],
        "workers": sorted((dict(row) for row in workers), key=lambda row: row["id"]),
        "queues": queues,
        "pauses": list(map(dict, pauses)),
        "causes of death": causes,
    }


@pytest.fixture
def machine(postgres_url: str, tmp_path: Path) -> Iterator[type[Machine]]:
    """The machine over a memory, an SQLite and a PostgreSQL backend that are opened once."""
    clock = FrozenClock()
    given = [
        {"backend": "memory"},
        {"database_url": str(tmp_path / "jobs.db")},
        {"database_url": postgres_url},
    ]

    async def emptied() -> tuple[Backend, ...]:
        for backend in Drivable.backends[:2]:
            await backend.close()
        for file in tmp_path.glob("jobs.db*"):
            file.unlink()
        fresh = tuple(connect(configuration.load(**each), clock) for each in given[:2])
        for backend in fresh:
            await backend.open()
        connection = await asyncpg.connect(postgres_url)
        await empty_database(connection)
        await connection.close()
        return (*fresh, Drivable.backends[2])

    async def opened() -> tuple[Backend, ...]:
        backends = tuple(connect(configuration.load(**each), clock) for each in given)
        for backend in backends:
            await backend.open()
        return backends

    async def closed() -> None:
        for backend in Drivable.backends:
            await backend.close()

    # Not asyncio.Runner: it arranges for Ctrl+C at every call, which takes longer than the call.
    loop = asyncio.new_event_loop()

    class Drivable(Machine):
        backends = loop.run_until_complete(opened())
        run = staticmethod(loop.run_until_complete)
        empty = staticmethod(lambda: loop.run_until_complete(emptied()))

    Drivable.clock = clock
    yield Drivable
    loop.run_until_complete(closed())
    loop.close()


@pytest.mark.timeout(600)  # a failure is worth the time that it takes to make it small
def test_all_backends_behave_alike(machine: type[Machine]) -> None:
    """Whatever is called in whatever order, memory and SQLite answer as PostgreSQL does."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=80,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
