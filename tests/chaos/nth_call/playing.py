"""Run a scenario with one fault, let a healthy worker clear up, and say what is wrong then."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from soniq import JobStatus, Soniq
from soniq.backends.contract import Backend
from soniq.errors import DatabaseError
from tests.chaos.nth_call.faults import Faults, Kind
from tests.chaos.nth_call.scenarios import CANCELLED, DEAD, FATES, Run, Scenario
from tests.support.jobs import run_all, until
from tests.support.leaks import leaked_tasks

PATIENCE = 30.0
# A rescue that has failed once is not tried again by the same worker before a lease has passed.
IMPATIENCE = 0.4
UNENDED = {JobStatus.QUEUED, JobStatus.PROCESSING}


@dataclass(slots=True)
class Stage:
    """A database, and an onlooker whose calls never go wrong."""

    make_app: Callable[..., Soniq]
    onlooker: Backend

    async def play(self, scenario: Scenario, kind: Kind, number: int) -> tuple[Faults, list[str]]:
        """Let call ``number`` go wrong; return what it met and what is wrong in the end."""
        faults = Faults(kind, number)
        app = self._app(scenario)
        run = Run(app, self.onlooker, faults, f"{kind} {number}")
        run.define_jobs(app)
        await app.ensure_initialized()
        faults.install(app)
        await scenario.before(run)
        faults.arm()
        await scenario.calls(run)
        wrong = await work(run, scenario) if scenario.works else []
        faults.disarm()
        wrong += await unreturned(app)
        await app.close()
        # The onlooker's connections, too, go back to their pool now and then.
        wrong += await leaked_tasks(patience=1.0)
        await self._clear_up(run, scenario)
        wrong += await self._check(run, scenario, kind)
        await self.onlooker.jobs.prune(older_than=-1)
        await self.onlooker.dead_letters.purge(older_than=-1)
        return faults, wrong

    def _app(self, scenario: Scenario) -> Soniq:
        if scenario.keeps:
            return self.make_app(poll_interval=0.05)
        return self.make_app(poll_interval=0.05, result_ttl=0, cleanup_interval=0.02)

    async def _clear_up(self, run: Run, scenario: Scenario) -> None:
        """Let a healthy worker run what is left, once those before it are known to be gone."""
        for worker in await self.onlooker.workers.find():
            await self.onlooker.workers.leave(worker.id)
        run.released.set()
        for _ in range(3):
            if await is_quiet(run):
                return
            app = self._app(scenario)
            run.define_jobs(app)
            await run_all(app)
            await app.close()

    async def _check(self, run: Run, scenario: Scenario, kind: Kind) -> list[str]:
        ends: defaultdict[str, list[str]] = defaultdict(list)
        for job in await self.onlooker.jobs.find(limit=1000):
            ends[job.args["tag"]].append(str(job.status))
        for letter in await self.onlooker.dead_letters.find(limit=1000):
            ends[letter.args["tag"]].append(DEAD)
        wrong = [f"nobody asked for {tag}" for tag in ends.keys() - run.asked.keys()]
        for tag, rows in run.asked.items():
            found, starts = ends[tag], run.starts[tag]
            if scenario.keeps:
                wrong += misplaced(tag, rows, found)
            expected = expected_starts(tag, found) if scenario.keeps else FATES[word(tag)][0]
            # Who is cancelled gives its jobs back: their handlers start once more.
            most = expected + (kind is Kind.CANCELLED and scenario.works)
            if not (expected <= starts <= most or (CANCELLED in found and starts <= most + 1)):
                wrong.append(f"{tag} was started {starts} times, not {expected}: {found}")
        return wrong


async def work(run: Run, scenario: Scenario) -> list[str]:
    """Let the app's own worker meet the fault, until nothing is left to do; say if it did not."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run.app.run_worker(concurrency=2, stop=stop))
    run.faults.victim = worker
    during = asyncio.create_task(scenario.during(run))
    wrong: list[str] = []

    async def is_over() -> bool:
        return worker.done() or (during.done() and await is_quiet(run))

    try:
        await until(is_over, patience=IMPATIENCE if scenario.rescues else PATIENCE)
    except TimeoutError:
        if not scenario.rescues:
            wrong = [f"the worker has left {await unfinished(run)}"]
    stop.set()
    during.cancel()
    await asyncio.gather(during, return_exceptions=True)
    try:
        await worker
    except (DatabaseError, asyncio.CancelledError) as error:
        if isinstance(error, DatabaseError):
            wrong.append(f"the worker ended: {error!r}")
    return wrong


async def unfinished(run: Run) -> list[str]:
    """Return the jobs of a run that have not ended."""
    jobs = await run.onlooker.jobs.find(limit=1000)
    return [f"{job.args['tag']}: {job.status}" for job in jobs if job.status in UNENDED]


async def is_quiet(run: Run) -> bool:
    """Tell whether every job has ended."""
    return not await unfinished(run)


async def unreturned(app: Soniq) -> list[str]:
    """Return what connections of the app's own pool have not come back to it."""
    pool = getattr(getattr(app.backend, "_db", None), "_own", None)
    if pool is None:
        return []

    async def all_are_back() -> bool:
        return bool(pool.in_use == 0)

    try:
        await until(all_are_back)
    except TimeoutError:
        return [f"{pool.in_use} connections were not given back"]
    return []


def misplaced(tag: str, rows: int | None, found: list[str]) -> list[str]:
    """Say what is wrong with the places of a job's rows."""
    wrong: list[str] = []
    most = 2 if word(tag) == "replayed" else 1
    least = most - 1
    if rows is not None and len(found) != rows:
        wrong.append(f"{tag} should be in {rows} places, and is in {found}")
    if not least <= len(found) <= most:
        wrong.append(f"{tag} should be in {least} or {most} places, and is in {found}")
    if not set(found) <= FATES[word(tag)][1]:
        wrong.append(f"{tag} should end in {FATES[word(tag)][1]}, and is in {found}")
    return wrong


def expected_starts(tag: str, found: list[str]) -> int:
    """Return how often the handler should have started, by where its rows are."""
    ran = [end for end in found if end != CANCELLED]
    if word(tag) == "replayed":
        return len(ran) - 1
    return FATES[word(tag)][0] if ran else 0


def word(tag: str) -> str:
    """Return the kind of a job."""
    return tag.partition(" ")[0]
