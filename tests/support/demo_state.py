"""A day in the life of a small shop, written into a database: something of everything to look at.

``await seed(app, clock)`` fills an empty database; the app must have been made with that clock, on
any backend. ``python -m tests.support.demo_state PATH`` makes a SQLite file for a real dashboard.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from soniq import Soniq, __version__
from soniq.backends.worker_contract import Vitals, WorkerIdentity
from soniq.job import ClaimedJob, NewJob
from soniq.outcome import Bury, Complete, Failure, Outcome, Reason, Retry, Settlement, Snooze
from soniq.scheduler.plan import plan
from tests.support.clock import FrozenClock

DAY = timedelta(days=1)
MIB = 1024 * 1024
STEP_MINUTES = 10
# Until this long before the end; from then on by the minute.
SHORT_STEPS = timedelta(hours=1)
LIBRARIES = "/usr/lib/python3.12/site-packages"


@dataclass(frozen=True, slots=True)
class Kind:
    """Jobs of one kind: how many come at a step, how long they run, how often they fail."""

    name: str
    queue: str
    args: Callable[[random.Random], dict[str, Any]]
    weight: float
    seconds: float
    fails: float = 0.0
    error: str = ""
    reason: Reason = Reason.MAX_RETRIES_EXCEEDED
    max_attempts: int = 4


KINDS = (
    Kind(
        "mail.send_receipt",
        "mail",
        lambda chance: {
            "order_id": 2**53 + chance.randrange(10_000),
            "to": f"customer{chance.randrange(900)}@example.com",
            "lines": [{"sku": f"SKU-{n}", "quantity": n + 1, "price": "19.90"} for n in range(3)],
        },
        weight=3.0,
        seconds=0.4,
        fails=0.03,
        error="ConnectionResetError: [Errno 104] Connection reset by peer ({n})",
    ),
    Kind(
        "images.thumbnail",
        "images",
        lambda chance: {"image": f"uploads/{chance.randrange(10**6)}.jpg", "sizes": [64, 256]},
        weight=2.0,
        seconds=1.6,
        fails=0.05,
        error="OSError: cannot identify image file 'uploads/{n}.jpg'",
        reason=Reason.PERMANENT_FAILURE,
    ),
    Kind(
        "billing.charge_card",
        "billing",
        lambda chance: {"customer": chance.randrange(900), "cents": chance.randrange(100, 90_000)},
        weight=1.0,
        seconds=0.9,
        fails=0.12,
        error="PaymentDeclined: card of customer {n} was declined (insufficient funds)",
    ),
    Kind(
        "search.reindex_product",
        "default",
        lambda chance: {"product_id": chance.randrange(40_000)},
        weight=2.0,
        seconds=0.08,
        fails=0.01,
        error="TimeoutError: search cluster did not answer within 5 s",
    ),
    Kind(
        "sync.pull_inventory",
        "default",
        lambda chance: {"warehouse": chance.choice(["berlin", "lyon", "porto"])},
        weight=0.2,
        seconds=8.0,
        fails=0.15,
        error="TimeoutError: ran longer than 300 s",
        reason=Reason.TIMEOUT,
        max_attempts=2,
    ),
)
WORKERS = (
    ("web-1", 2211, ("mail", "default"), 8, __version__),
    ("web-2", 1874, ("mail", "default"), 4, __version__),
    ("batch-1", 990, ("images", "billing"), 4, "0.0.9"),
)
WORKER_IDS = tuple(f"0199c3a0-5f1e-7{n}00-9d2b-0242ac12000{n}" for n in range(4))


async def seed(
    app: Soniq, clock: FrozenClock, *, until: datetime | None = None, hours: float = 24
) -> None:
    """Let some hours pass that end at ``until`` (a day from now), and leave their traces."""
    end = until or clock.now() + DAY
    shop = Shop(app, clock, random.Random(7))
    await app.ensure_initialized()
    shop.move_to(end - timedelta(hours=hours))
    await shop.open()
    await shop.pass_time(end)
    shop.move_to(end)
    await shop.leave_work_to_do()
    shop.move_to(end)


class Shop:
    """What happens in the shop, by a clock that does as it is told."""

    def __init__(self, app: Soniq, clock: FrozenClock, chance: random.Random) -> None:
        self.app = app
        self.backend = app.backend
        self.clock = clock
        self.chance = chance

    def move_to(self, moment: datetime) -> None:
        """Set the clock."""
        self.clock.advance(seconds=(moment - self.clock.now()).total_seconds())

    async def open(self) -> None:
        """Register the workers, add the schedules."""
        for task in {kind.name for kind in KINDS} | {"reports.daily", "carts.remind"}:
            self.app.job(name=task)(nothing)
        for worker_id, (host, pid, queues, slots, version) in zip(
            WORKER_IDS, WORKERS, strict=False
        ):
            tasks = tuple(sorted(kind.name for kind in KINDS))
            identity = WorkerIdentity(worker_id, host, pid, queues, slots, tasks, version)
            await self.backend.workers.register(identity, lease=30 * 3600)
        add = self.app.scheduler.add
        await add(name="reports.daily", cron="30 2 * * *", timezone="Europe/Paris", queue="reports")
        await add(name="carts.remind", cron="*/15 9-17 * * 1-5", args={"after_hours": 4})
        await add(name="sync.pull_inventory", every=1800.0, args={"warehouse": "berlin"})
        await add(name="search.reindex_product", cron="0 4 1 * *", args={"product_id": 0})
        await self.app.scheduler.pause("search.reindex_product")

    async def pass_time(self, end: datetime) -> None:
        """Enqueue, run and settle, step by step."""
        while (left := end - self.clock.now()) > timedelta(seconds=90):
            hour = self.clock.now().hour
            await self.enqueue(tide=0.5 + min(hour, 24 - hour) / 12)
            await self.fire()
            await self.work()
            minutes = STEP_MINUTES if left > SHORT_STEPS else 1
            self.clock.advance(seconds=60 * minutes - 4)

    async def enqueue(self, tide: float) -> None:
        """Let some jobs come in."""
        for kind in KINDS:
            number = int(kind.weight * tide + self.chance.random())
            await self.backend.jobs.insert([self.job(kind) for _ in range(number)])

    def job(self, kind: Kind, **changes: Any) -> NewJob:
        """Return a job of a kind."""
        args = json.dumps(kind.args(self.chance))
        made = NewJob(self.clock.new_id(), kind.name, kind.queue, 100, args, kind.max_attempts)
        trace = made.id.replace("-", "")
        headers = json.dumps({"traceparent": f"00-{trace}-{trace[16:]}-01"})
        return made._replace(headers=headers, **changes)

    async def fire(self) -> None:
        """Fire the schedules that are due; nobody serves the reports."""
        store = self.backend.schedules
        agenda = await store.agenda(known=(), limit=10)
        await store.fire([plan(one, agenda.now, self.clock.new_id) for one in agenda.due])

    async def work(self) -> None:
        """Claim what is due and let it end, in three waves."""
        self.clock.advance(seconds=0.2 + self.chance.random() / 2)
        worker = self.chance.choice(WORKER_IDS[:3])
        queues = ("mail", "default", "images", "billing")
        claimed = await self.backend.jobs.claim(queues, limit=60, worker=worker)
        for wave in (claimed[::3], claimed[1::3], claimed[2::3]):
            self.clock.advance(seconds=self.chance.uniform(0.05, 1.1))
            settlements = [Settlement(job, self.end(job)) for job in wave]
            await self.backend.jobs.settle(settlements, worker=worker)

    def end(self, job: ClaimedJob) -> Outcome:
        """Return how an attempt ends."""
        kind = next((kind for kind in KINDS if kind.name == job.job_name), None)
        if kind is None:
            return Complete('{"reminded": 12}')
        # What has failed is likely to fail again.
        risk = kind.fails if job.attempt == 1 else 0.7
        if self.chance.random() >= risk:
            return Snooze(900) if self.chance.random() < 0.01 else Complete(self.result(kind))
        failure = failure_of(kind, self.chance.randrange(10**6))
        if kind.reason is Reason.PERMANENT_FAILURE or job.attempt >= job.max_attempts:
            return Bury(kind.reason, failure)
        return Retry(60.0 * job.attempt, failure)

    def result(self, kind: Kind) -> str | None:
        """Return the result of a job that went well, as JSON text."""
        if kind.queue == "images":
            return json.dumps({"written": 3, "bytes": 2**53 + self.chance.randrange(10**6)})
        return None

    async def leave_work_to_do(self) -> None:
        """Leave things as an operator may find them: a pause, a backlog, jobs that run."""
        jobs = self.backend.jobs
        mail, images, billing, products, inventory = KINDS
        self.clock.advance(seconds=-400)
        await self.app.queues.pause("billing", by="dashboard:ana", reason="card provider is down")
        await jobs.insert([self.job(billing) for _ in range(23)])
        self.clock.advance(seconds=300)
        await jobs.insert([self.job(inventory), self.job(images), self.job(images)])
        await jobs.claim(("default",), limit=2, worker=WORKER_IDS[0])
        await jobs.claim(("images",), limit=2, worker=WORKER_IDS[2])
        self.clock.advance(seconds=90)
        await jobs.insert([self.job(mail) for _ in range(31)])
        await jobs.insert([self.job(products, delay=3600.0 * n) for n in range(1, 6)])
        await jobs.claim(("mail",), limit=3, worker=WORKER_IDS[1])
        await self.workers_tell()
        await self.people_act()

    async def workers_tell(self) -> None:
        """Let workers renew; one is asked to be quiet, another one has stopped answering."""
        vitals = (
            Vitals(1, 143 * MIB, 0.0004),
            Vitals(3, 97 * MIB, 0.0011),
            Vitals(2, 512 * MIB, 0.82),
        )
        for worker_id, vital in zip(WORKER_IDS, vitals, strict=False):
            await self.backend.workers.renew(worker_id, lease=3600.0, vitals=vital)
        await self.backend.workers.ask(WORKER_IDS[2], "quiet")
        tasks = ("images.thumbnail",)
        gone = WorkerIdentity(WORKER_IDS[3], "batch-2", 991, ("images",), 4, tasks, "0.0.9")
        self.clock.advance(seconds=-120)
        await self.backend.workers.register(gone, lease=30.0)
        self.clock.advance(seconds=120)

    async def people_act(self) -> None:
        """Cancel a job, replay a dead letter, and have it noted."""
        note = self.app.audit.note
        await note("dashboard:ana", "queues.pause", "billing", {"reason": "card provider is down"})
        [letter, *_] = await self.app.dead_letter.list(limit=1)
        new_id = await self.app.dead_letter.replay(letter.id)
        await note("cli:ben@web-1", "dead_letters.replay", letter.id, {"job": new_id})
        [job, *_] = await self.app.jobs.list(status="queued", limit=1)
        await self.app.jobs.cancel(job.id)
        await note("dashboard:ana", "jobs.cancel", job.id)


def nothing(**arguments: Any) -> None:
    """Stand for any task."""


def failure_of(kind: Kind, number: int) -> Failure:
    """Return an error with the traceback that it could have had."""
    error = kind.error.format(n=number)
    module, function = kind.name.split(".")
    lines = (
        "Traceback (most recent call last):",
        f'  File "{LIBRARIES}/soniq/worker/execute.py", line 88, in call',
        "    return await handler(**arguments)",
        f'  File "/srv/shop/{module}.py", line 41, in {function}',
        "    answer = client.post(url, json=payload)",
        f'  File "{LIBRARIES}/httpx/_client.py", line 1144, in post',
        "    return self.request(",
        "           ^^^^^^^^^^^^^",
        f'  File "{LIBRARIES}/httpx/_transports/default.py", line 101, in handle_request',
        "    raise mapped_exc(message) from exc",
        error,
    )
    return Failure(error, "\n".join(lines))


async def write_file(path: str) -> None:
    """Fill a SQLite file with a day that ends now."""
    now = datetime.now(UTC)
    clock = FrozenClock(now - DAY)
    async with Soniq(path, clock=clock) as app:
        await seed(app, clock, until=now)


if __name__ == "__main__":
    asyncio.run(write_file(sys.argv[1]))
