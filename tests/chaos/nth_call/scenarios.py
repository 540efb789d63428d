"""What an app does while one of its database calls goes wrong, and what must come of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from soniq import JobContext, JobStatus, Snooze, Soniq
from soniq.backends.contract import Backend
from soniq.backends.worker_contract import WorkerIdentity
from soniq.errors import DatabaseError, PermanentFailure
from soniq.outcome import Bury, Failure, Reason, Settlement
from tests.chaos.nth_call.faults import Faults

DONE, CANCELLED, DEAD = str(JobStatus.DONE), str(JobStatus.CANCELLED), "dead"
# By the first word of a job's tag: how often its handler starts, and how it may end.
FATES: dict[str, tuple[int, set[str]]] = {
    "fine": (1, {DONE}),
    "plain": (1, {DONE}),
    "flaky": (2, {DONE}),
    "failing": (2, {DEAD}),
    "snoozing": (2, {DONE}),
    "hopeless": (1, {DEAD}),
    "waiting": (1, {DONE, CANCELLED}),
    "orphan": (1, {DONE}),
    "crasher": (0, {DEAD}),
    "replayed": (1, {DEAD, DONE}),
    "unwanted": (1, {DONE, CANCELLED}),
}


@dataclass(slots=True)
class Run:
    """One run of a scenario: an app with faults, an onlooker without, and what was seen.

    ``asked`` maps the tags of jobs to the number of rows that there must be of it; None where the
    call that asked for them went wrong, so that there may be as many or none.
    """

    app: Soniq
    onlooker: Backend
    faults: Faults
    name: str
    starts: Counter[str] = field(default_factory=Counter[str])
    asked: dict[str, int | None] = field(default_factory=dict[str, int | None])
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def tag(self, kind: str, number: int = 0) -> str:
        """Return the argument by which a job of this run is known."""
        return f"{kind} {number} {self.name}"

    async def call(self, wish: Coroutine[Any, Any, Any]) -> Any:
        """Do what a user does; return None where that went wrong in one of the documented ways."""
        self.faults.victim = task = asyncio.create_task(wish)
        try:
            return await task
        except (DatabaseError, asyncio.CancelledError):
            return None

    async def enqueue(self, kind: str, number: int = 0, **options: Any) -> str | None:
        """Enqueue a job and remember whether it was promised."""
        tag = self.tag(kind, number)
        job_id: str | None = await self.call(
            self.app.enqueue("nth.call", args={"tag": tag}, **options)
            if kind != "plain"
            else self.app.enqueue("nth.plain", args={"tag": tag}, **options)
        )
        promised = job_id is not None or self.asked.get(tag) == 1
        self.asked[tag] = 1 if promised else None
        return job_id

    def define_jobs(self, app: Soniq) -> None:
        """Register the tasks, whose tags say how they behave."""

        @app.job(name="nth.call", retries=1, retry_delay=0)
        async def call(tag: str, ctx: JobContext) -> object:
            self.starts[tag] += 1
            kind = tag.partition(" ")[0]
            if kind == "waiting":
                await self.released.wait()
            if kind == "failing" or (kind == "flaky" and ctx.attempt == 1):
                raise ValueError("not this time")
            if kind == "hopeless":
                raise PermanentFailure("never")
            return Snooze(0) if kind == "snoozing" and self.starts[tag] == 1 else tag

        @app.job(name="nth.plain", retries=1, retry_delay=0)
        def plain(tag: str) -> str:
            self.starts[tag] += 1
            return tag


Step = Callable[[Run], Awaitable[None]]


async def nothing(run: Run) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``before``: what there is. ``calls``: what users do. ``during``: the same, while it works.

    ``works``: the worker meets the fault as well. ``rescues``: what is left then is for the next
    worker, since a rescue that failed once waits for a full lease. ``keeps``: what has ended stays.
    """

    before: Step = nothing
    calls: Step = nothing
    during: Step = nothing
    works: bool = False
    rescues: bool = False
    keeps: bool = True


def jobs(*kinds: str) -> Step:
    """Enqueue a job of each kind."""

    async def enqueue(run: Run) -> None:
        for kind in kinds:
            await run.enqueue(kind)

    return enqueue


async def unique(run: Run) -> None:
    """Enqueue the same unique job twice, and one under a key."""
    await run.enqueue("fine", 1, unique=True)
    await run.enqueue("fine", 1, unique=True)
    await run.enqueue("fine", 2, dedup_key=run.name)


async def at_once(run: Run) -> None:
    """Enqueue several at the same moment, which share a write."""
    wishes = [
        run.app.enqueue("nth.call", args={"tag": run.tag("fine", number)}) for number in range(4)
    ]

    async def together() -> list[object]:
        return await asyncio.gather(*wishes, return_exceptions=True)

    answers = await run.call(together()) or [None] * len(wishes)
    for number, answer in enumerate(answers):
        run.asked[run.tag("fine", number)] = 1 if isinstance(answer, str) else None


async def bulk(run: Run) -> None:
    """Enqueue several in one call: all or none."""
    tags = [run.tag("fine", number) for number in range(3)]
    ids = await run.call(run.app.enqueue_many("nth.call", [{"tag": tag} for tag in tags]))
    run.asked |= dict.fromkeys(tags, 1 if ids else None)


async def cancel_running(run: Run) -> None:
    """Cancel a job once it runs; where that went wrong, let it end."""
    tag = run.tag("waiting")
    while not run.starts[tag]:  # noqa: ASYNC110 - a count rings no bell
        await asyncio.sleep(0.001)
    [job] = [job for job in await run.onlooker.jobs.find(limit=1000) if job.args["tag"] == tag]
    if not await run.call(run.app.cancel_job(job.id)):
        run.released.set()


async def cancel_and_delete(run: Run) -> None:
    """Cancel a waiting job and delete another one."""
    for number, intervene in enumerate((run.app.cancel_job, run.app.delete_job)):
        job_id = await run.enqueue("unwanted", number)
        tag = run.tag("unwanted", number)
        if job_id is not None:
            gone = await run.call(intervene(job_id))
            if intervene == run.app.delete_job:
                run.asked[tag] = 0 if gone else None


async def orphans(run: Run) -> None:
    """Leave a job in the hands of a dead worker, and one that has crashed too often, then alone."""
    jobs = run.onlooker.jobs
    for kind, crashes in (("crasher", 3), ("orphan", 1)):
        await run.enqueue(kind)
        for crash in range(crashes):
            worker = WorkerIdentity(run.app.clock.new_id(), "gone", 1, None, 1, ())
            await run.onlooker.workers.register(worker, lease=0.0)
            [job] = await jobs.claim(None, limit=1, worker=worker.id)
            if crash < crashes - 1:
                await jobs.rescue(max_crashes=3)
            else:
                await jobs.isolate(job, worker=worker.id)


async def letters(run: Run) -> None:
    """Bury two jobs."""
    for number in range(2):
        await run.enqueue("replayed", number)
        [job] = await run.onlooker.jobs.claim(None, limit=1, worker=run.app.clock.new_id())
        bury = Settlement(job, Bury(Reason.TIMEOUT, Failure("E")))
        [worker] = {(await run.onlooker.jobs.get(job.id)).worker_id}  # type: ignore[union-attr]
        await run.onlooker.jobs.settle([bury], worker=str(worker))


async def replay(run: Run) -> None:
    """Replay each of them."""
    for letter in await run.onlooker.dead_letters.find(limit=1000):
        tag = letter.args["tag"]
        if tag in run.asked:
            new_id = await run.call(run.app.dead_letter.replay(letter.id))
            run.asked[tag] = 2 if new_id else None


SCENARIOS: dict[str, Scenario] = {
    "enqueue": Scenario(calls=jobs("fine", "plain")),
    "enqueue unique": Scenario(calls=unique),
    "enqueue at once": Scenario(calls=at_once),
    "enqueue many": Scenario(calls=bulk),
    "success": Scenario(before=jobs("fine", "plain"), works=True),
    "failures": Scenario(before=jobs("flaky", "failing"), works=True),
    "snooze and bury": Scenario(before=jobs("snoozing", "hopeless"), works=True),
    "cancel running": Scenario(before=jobs("waiting"), during=cancel_running, works=True),
    "cancel and delete": Scenario(calls=cancel_and_delete),
    "rescue": Scenario(before=orphans, works=True, rescues=True),
    "replay": Scenario(before=letters, calls=replay),
    "prune": Scenario(before=jobs("fine", "flaky"), works=True, keeps=False),
}
