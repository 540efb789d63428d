"""What two parties may do to one job at the same time, and the states that they may find it in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from soniq.backends.contract import DeadLetterStore, JobStore
from soniq.backends.operator_contract import StatsStore
from soniq.backends.worker_contract import WorkerStore
from soniq.errors import JobProcessing
from soniq.job import ClaimedJob
from soniq.outcome import (
    Bury,
    Cancel,
    Complete,
    Outcome,
    Reason,
    Release,
    Retry,
    Settlement,
    Snooze,
)
from tests.support import FrozenClock
from tests.support.store import OOPS, OTHER, WORKER, claim, new_job, register

JOB = "00000000-0000-7000-8000-000000000001"
TWIN = "00000000-0000-7000-8000-000000000002"
KEY = "mail.send=once"
LEASE = 30.0
MAX_CRASHES = 3


class Stores(Protocol):
    """What of a backend the verbs need."""

    jobs: JobStore
    dead_letters: DeadLetterStore
    workers: WorkerStore
    stats: StatsStore


@dataclass(frozen=True, slots=True)
class Party:
    """One of the two: its handle to the database, and ids that only it uses.

    ``claims``: what ``WORKER`` was given in the beginning, in force or not.
    """

    stores: Stores
    clock: FrozenClock
    claims: dict[str, ClaimedJob]
    number: int

    def fresh(self, kind: int) -> str:
        """Return an id that this party alone makes."""
        return f"00000000-0000-7000-8000-0000000000{kind}{self.number}"


Verb = Callable[[Party], Awaitable[object]]


def settling(outcome: Outcome, *job_ids: str) -> Verb:
    """Return the verb that settles the claims of these jobs in one call."""

    async def settle(party: Party) -> object:
        batch = [Settlement(party.claims[one], outcome) for one in job_ids if one in party.claims]
        return await party.stores.jobs.settle(batch, worker=WORKER)

    return settle


async def claim_one_queue(party: Party) -> object:
    """Claim as the worker that had the job before: only the fence tells its claims apart."""
    return await party.stores.jobs.claim(("default",), limit=1, worker=WORKER)


async def claim_all_queues(party: Party) -> object:
    """Claim everything as another worker."""
    return await party.stores.jobs.claim(None, limit=10, worker=OTHER)


async def rescue(party: Party) -> object:
    """Take back the jobs of the dead; their order says nothing."""
    rescued = await party.stores.jobs.rescue(max_crashes=MAX_CRASHES)
    return {one.job_id: one for one in rescued}


async def cancel(party: Party) -> object:
    """Cancel the job as an operator."""
    return await party.stores.jobs.cancel(JOB)


async def delete(party: Party) -> object:
    """Delete the job as an operator; the one documented error is an answer."""
    try:
        return await party.stores.jobs.delete(JOB)
    except JobProcessing:
        return JobProcessing


async def enqueue(party: Party) -> object:
    """Enqueue a job with the same unique key."""
    job = new_job(party.clock, id=party.fresh(1), key=KEY)
    return await party.stores.jobs.insert([job])


async def enqueue_two(party: Party) -> object:
    """Enqueue the same unique job and another one in one transaction."""
    jobs = [new_job(party.clock, id=party.fresh(kind), key=KEY * kind) for kind in (2, 1)]
    return await party.stores.jobs.insert(jobs)


async def replay(party: Party) -> object:
    """Replay the dead letter of the job."""
    return await party.stores.dead_letters.replay(JOB, new_id=party.fresh(3))


async def discard(party: Party) -> object:
    """Delete the dead letter of the job."""
    return await party.stores.dead_letters.delete(JOB)


async def purge(party: Party) -> object:
    """Delete all dead letters."""
    return await party.stores.dead_letters.purge()


async def prune(party: Party) -> object:
    """Delete whatever has ended."""
    return await party.stores.jobs.prune(older_than=0)


async def bury_unknown(party: Party) -> object:
    """Bury jobs that no living worker knows."""
    return await party.stores.jobs.bury_unknown(["mail.send"], grace=0)


async def renew(party: Party) -> object:
    """Renew the worker's lease, however late."""
    return await party.stores.workers.renew(WORKER, lease=LEASE)


async def roll_up(party: Party) -> None:
    """Add up what was counted; how much there is to be added is the backend's own affair."""
    await party.stores.stats.roll_up(limit=100)


VERBS: dict[str, Verb] = {
    "claim": claim_one_queue,
    "claim across": claim_all_queues,
    "complete": settling(Complete("1"), JOB),
    "retry": settling(Retry(0.0, OOPS), JOB),
    "retry twin": settling(Retry(0.0, OOPS), TWIN),
    "retry both": settling(Retry(0.0, OOPS), JOB, TWIN),
    "snooze": settling(Snooze(60.0), JOB),
    "release": settling(Release(), JOB),
    "bury": settling(Bury(Reason.TIMEOUT, OOPS), JOB),
    "confirm cancel": settling(Cancel(), JOB),
    "rescue": rescue,
    "renew": renew,
    "cancel": cancel,
    "delete": delete,
    "prune": prune,
    "enqueue": enqueue,
    "enqueue two": enqueue_two,
    "replay": replay,
    "discard": discard,
    "purge": purge,
    "bury unknown": bury_unknown,
    "roll up": roll_up,
}


@dataclass(slots=True)
class Scene:
    """A database on its way into a starting state."""

    stores: Stores
    clock: FrozenClock
    claims: dict[str, ClaimedJob] = field(default_factory=dict[str, ClaimedJob])

    async def insert(self, job_id: str = JOB) -> None:
        """Enqueue a job under the key."""
        await self.stores.jobs.insert([new_job(self.clock, id=job_id, key=KEY)])

    async def take(self) -> None:
        """Let the worker claim what is due."""
        self.claims |= {job.id: job for job in await claim(self.stores, worker=WORKER)}

    async def settle(self, outcome: Outcome) -> None:
        """Settle the job's claim."""
        batch = [Settlement(self.claims[JOB], outcome)]
        assert await self.stores.jobs.settle(batch, worker=WORKER) == {JOB}

    async def run(self, job_id: str = JOB) -> None:
        """Enqueue a job and let a registered worker claim it."""
        await register(self.stores, WORKER, lease=LEASE)
        await self.insert(job_id)
        await self.take()

    async def die(self) -> None:
        """Let the worker's lease run out."""
        self.clock.advance(seconds=LEASE + 1)

    async def die_and_rescue(self) -> None:
        """Let the worker die, and give the job back."""
        await self.die()
        await self.stores.jobs.rescue(max_crashes=MAX_CRASHES)


async def waiting(scene: Scene) -> None:
    """Queued again; a claim from before is still in the worker's hands, and void."""
    await scene.run()
    await scene.settle(Release())
    await scene.stores.workers.leave(WORKER)


async def running(scene: Scene) -> None:
    """In the hands of a worker that lives."""
    await scene.run()


async def orphaned(scene: Scene) -> None:
    """In the hands of a worker whose lease is over."""
    await scene.run()
    await scene.die()


async def last_crash(scene: Scene) -> None:
    """As orphaned, and it has crashed as often as it may, now while it ran alone."""
    for _ in range(MAX_CRASHES - 1):
        await scene.run()
        await scene.die_and_rescue()
    await scene.run()
    assert await scene.stores.jobs.isolate(scene.claims[JOB], worker=WORKER)
    await scene.die()


async def stopping(scene: Scene) -> None:
    """Running, and an operator has asked for its end."""
    await scene.run()
    assert await scene.stores.jobs.cancel(JOB)


async def orphaned_while_stopping(scene: Scene) -> None:
    """An operator has asked for its end, and its worker has died."""
    await stopping(scene)
    await scene.die()


async def twin_waits(scene: Scene) -> None:
    """Running, while another job waits under its key."""
    await scene.run()
    await scene.insert(TWIN)


async def orphaned_while_twin_waits(scene: Scene) -> None:
    """Its worker has died, while another job waits under its key."""
    await twin_waits(scene)
    await scene.die()


async def both_run(scene: Scene) -> None:
    """Two jobs of one key, both running."""
    await scene.run()
    await scene.run(TWIN)


async def both_orphaned(scene: Scene) -> None:
    """Two jobs of one key, both of a dead worker."""
    await both_run(scene)
    await scene.die()


async def done(scene: Scene) -> None:
    """Done; the claim is void."""
    await scene.run()
    await scene.settle(Complete("0"))


async def dead(scene: Scene) -> None:
    """In the dead letters; the claim is void."""
    await scene.run()
    await scene.settle(Bury(Reason.PERMANENT_FAILURE, OOPS))


async def dead_and_running(scene: Scene) -> None:
    """In the dead letters, and inserted anew under the same id: it runs."""
    await dead(scene)
    scene.clock.advance(seconds=1)
    await scene.run()


STATES: dict[str, Callable[[Scene], Awaitable[None]]] = {
    state.__name__.replace("_", " "): state
    for state in (
        waiting,
        running,
        orphaned,
        last_crash,
        stopping,
        orphaned_while_stopping,
        twin_waits,
        orphaned_while_twin_waits,
        both_run,
        both_orphaned,
        done,
        dead,
        dead_and_running,
    )
}
