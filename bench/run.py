"""What scenarios are made of: a fresh place for a system, and the runs that are measured in it."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench import redis
from bench.environments import Environments, Unavailable
from bench.measure import Sample, cpu_seconds
from bench.peers.protocol import Adapter
from bench.peers.tally import Tally
from bench.server import Server
from bench.side import Side
from bench.systems import Store, System

Figures = dict[str, float]
# A drain that has not ended by then has failed: no system is waited for without an end.
RUN_SECONDS = 180.0
# How long a worker that must be there first gets to be there.
LISTEN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: all counts are multiplied by ``scale``."""

    scale: float = 1.0
    processes: int | None = None
    minutes: float = 10.0
    seconds: float = 30.0

    def jobs(self, count: int, least: int = 50) -> int:
        """Return a count of jobs at this scale."""
        return max(least, round(count * self.scale))


@dataclass(frozen=True, slots=True)
class Place:
    """An empty queue that only one run of one system uses."""

    system: System
    store: Store
    url: str


@dataclass
class Bench:
    """Everything that runs share."""

    server: Server | None
    environments: Environments
    folder: Path
    sizes: Sizes
    _templates: dict[str, str] = field(default_factory=dict[str, str])
    _postmaster: int | None = None

    # --- places -----------------------------------------------------------------------------------

    @property
    def postgres(self) -> Server:
        """Return the PostgreSQL server.

        Raises:
            Unavailable: there is none in this run.
        """
        if self.server is None:
            message = "no PostgreSQL server in this run"
            raise Unavailable(message)
        return self.server

    @contextmanager
    def place(self, system: System, store: Store) -> Generator[Place]:
        """Give a system an empty queue and take it away afterwards."""
        if store == "postgres":
            name = self.postgres.create(self._template(system))
            self.postgres.execute("CHECKPOINT")
            try:
                yield Place(system, store, self.postgres.url_of(name))
            finally:
                self.postgres.drop(name)
        elif store == "redis":
            if not redis.answers():
                message = f"no Redis answers at {redis.HOST}:{redis.PORT}"
                raise Unavailable(message)
            redis.ask("FLUSHDB")
            place = Place(system, store, redis.URL)
            self._setup(place)
            yield place
            redis.ask("FLUSHDB")
        elif store == "sqlite":
            file = self.folder / f"{uuid4().hex}.db"
            place = Place(system, store, f"sqlite:///{file}")
            self._setup(place)
            yield place
            for left in self.folder.glob(f"{file.name}*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
        else:
            yield Place(system, store, "memory")

    def _template(self, system: System) -> str:
        if system.adapter not in self._templates:
            name = self.postgres.create()
            try:
                self._setup(Place(system, "postgres", self.postgres.url_of(name)))
            except BaseException:
                self.postgres.drop(name)
                raise
            self._templates[system.adapter] = name
        return self._templates[system.adapter]

    def _setup(self, place: Place) -> None:
        if adapter := self._own_adapter(place):
            asyncio.run(adapter.setup())
            return
        with self.side(place, "setup") as side:
            side.expect("done")

    def _own_adapter(self, place: Place) -> Adapter | None:
        """Return the adapter where this process can do what is not measured, which is quicker."""
        if place.system.needs:
            return None
        adapter: Adapter = import_module(place.system.module).ADAPTER({"url": place.url})
        return adapter

    def close(self) -> None:
        """Drop the templates."""
        for name in self._templates.values():
            self.postgres.drop(name)

    # --- processes and samples --------------------------------------------------------------------

    def side(
        self, place: Place, command: str, tally: Path | None = None, **parameters: Any
    ) -> Side:
        """Start a command of the system's adapter."""
        program = self.environments.program(place.system, parameters.pop("module", None))
        given = {"url": place.url, "store": place.store, **place.system.options, **parameters}
        return Side(program, command, given, tally=tally)

    def sample(self, place: Place, sides: Sequence[Side]) -> Sample:
        """Look at the counters."""
        workers = cpu_seconds(*(side.pid for side in sides))
        if place.store == "postgres":
            self._postmaster = self._postmaster or self.postgres.postmaster()
            return Sample(workers, spent(self._postmaster), self.postgres.wal())
        return Sample(workers, spent(redis.pid()) if place.store == "redis" else 0.0, 0)

    def transactions(self, place: Place) -> int:
        """Return how many transactions the sessions of a place have told of; 0 without a server.

        Sessions tell when they end a transaction, but not more than once a second.
        """
        return self.postgres.transactions(place.url) if place.store == "postgres" else 0

    @contextmanager
    def snapshot(self, place: Place, *, held: bool) -> Generator[None]:
        """Hold a snapshot of the place's database, if so wished."""
        if held:
            begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1"
            self.postgres.execute(begin, place.url)
        try:
            yield
        finally:
            if held:
                self.postgres.execute("ROLLBACK", place.url)

    # --- runs -------------------------------------------------------------------------------------

    def produce(self, place: Place, command: str, jobs: int, **parameters: Any) -> Figures:
        """Enqueue jobs from one process and return what that took."""
        with self.side(place, command, jobs=jobs, **parameters) as side:
            side.expect("ready")
            before = self.sample(place, [side])
            side.go()
            told = side.expect("done", RUN_SECONDS)
            after = self.sample(place, [side])
        cost = before.per_job(after, jobs)
        if "worker_us_per_job" in cost:
            cost["client_us_per_job"] = cost.pop("worker_us_per_job")
        return {"jobs_per_s": jobs / told["seconds"], **cost}

    def drain(self, place: Place, jobs: int, *, processes: int = 1, **parameters: Any) -> Figures:
        """Run all jobs of a queue; the clock runs from the first handler to the last settlement.

        In memory the worker fills its queue itself, before the clock runs. A ``live`` system is fed
        while it runs, so its producer takes part in its figure.
        """
        if place.store == "memory":
            parameters["prefill"] = jobs
        with self.tally() as (path, tally), ExitStack() as stack:
            sides = [
                stack.enter_context(self.side(place, "worker", path, jobs=jobs, **parameters))
                for _ in range(processes)
            ]
            for side in sides:
                side.expect("ready")
            before = self.sample(place, sides)
            for side in sides:
                side.go()
            if place.system.live:
                time.sleep(LISTEN_SECONDS)
                self._produce(place, jobs)
            told = [side.expect("done", RUN_SECONDS) for side in sides]
            after = self.sample(place, sides)
            seconds = min(one["settled"] for one in told) - tally.first()
        return {"jobs_per_s": jobs / seconds, **before.per_job(after, jobs)}

    def fill(self, place: Place, jobs: int) -> None:
        """Enqueue jobs, unmeasured, unless the drain itself has to do so."""
        if place.store == "memory" or place.system.live:
            return
        self._produce(place, jobs)
        if place.store == "postgres":
            self.postgres.execute("CHECKPOINT")

    def _produce(self, place: Place, jobs: int) -> None:
        if adapter := self._own_adapter(place):
            asyncio.run(filled(adapter, jobs))
            return
        with self.side(place, "bulk", jobs=jobs, warm=False) as side:
            side.expect("ready")
            side.go()
            side.expect("done", RUN_SECONDS)

    @contextmanager
    def tally(self, stamps: int = 0) -> Generator[tuple[Path, Tally]]:
        """Make the file in which the handlers of a run are counted."""
        path = self.folder / f"{uuid4().hex}.tally"
        try:
            yield path, Tally.make(path, stamps)
        finally:
            path.unlink()

    def wait(self, true: Callable[[], bool], side: Side, seconds: float = RUN_SECONDS) -> None:
        """Return when something has come true, looking every few milliseconds.

        Raises:
            Failed: it has not within so many seconds.
        """
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                side.expect("never", 0.0)
            time.sleep(0.005)

    def wait_for(self, tally: Tally, jobs: int, side: Side) -> None:
        """Return when so many handlers have run; raises as ``wait`` does."""
        self.wait(lambda: tally.total() >= jobs, side)

    @contextmanager
    def working(self, place: Place, tally: Path, **parameters: Any) -> Generator[Side]:
        """Have one worker at work in a process of its own."""
        with self.side(place, "worker", tally, **parameters) as side:
            side.expect("ready")
            side.go()
            yield side


def spent(server: int | None) -> float:
    """Return the processor time of a server; 0 where it runs on another host."""
    return 0.0 if server is None else cpu_seconds(server)


async def filled(adapter: Adapter, jobs: int) -> None:
    """Enqueue jobs from this process."""
    await adapter.open()
    await adapter.enqueue_many(range(jobs))
    await adapter.close()
