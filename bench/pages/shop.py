"""What the measured database holds: a day of a large shop, as rows of each table. Pure.

Jobs are told apart by their number: the newest has the highest. Both databases get the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from soniq.histogram import BUCKETS

Values = tuple[Any, ...]
DAY = timedelta(days=1)
LEASE = timedelta(days=30)
AREAS = (
    "orders",
    "mail",
    "images",
    "billing",
    "search",
    "reports",
    "carts",
    "stock",
    "users",
    "sync",
)
VERBS = ("create", "check", "send", "update", "clean")
TASKS = tuple(f"{area}.{verb}" for area in AREAS for verb in VERBS)
KINDS_OF_FAILURE = 30
WORKERS = tuple(str(UUID(int=0x7000 << 64 | 2 << 62 | number)) for number in range(1, 4))
# Few jobs have failed in this way, and none of the newest half.
RARE = "CertificateExpired: the gateway showed a certificate of last year"
RARE_JOBS = 7
LETTERS_SHARE = 50
RUNNING = 80
FRAME = '  File "/srv/shop/{0}.py", line {1}, in {0}\n    answer = client.post(url, json=payload)\n'
TRACE = "Traceback (most recent call last):\n" + "".join(FRAME.format("step", n) for n in range(12))

JOB = (
    "id", "job_name", "queue", "priority", "scheduled_at", "status", "args", "attempts",
    "max_attempts", "fence", "created_at", "started_at", "finished_at", "worker_id", "result",
    "last_error", "last_traceback",
)  # fmt: skip
LETTER = (
    "id", "job_name", "queue", "priority", "args", "attempts", "max_attempts", "reason",
    "scheduled_at", "created_at", "started_at", "finished_at", "worker_id", "last_error",
    "last_traceback",
)  # fmt: skip
ATTEMPT = (
    "job_id", "fence", "attempt", "worker_id", "outcome", "started_at", "finished_at", "error",
    "traceback",
)  # fmt: skip
ROLLUP = (
    "minute", "worker_id", "queue", "job_name", "outcome", "count", "wait_seconds", "run_seconds",
    "waits", "runs",
)  # fmt: skip
WORKER = (
    "id", "hostname", "pid", "queues", "concurrency", "tasks", "started_at", "renewed_at",
    "expires_at", "version", "running", "memory_bytes", "loop_lag",
)  # fmt: skip
SCHEDULE = (
    "name", "status", "origin", "cron", "timezone", "missed", "args", "queue", "priority",
    "max_attempts", "anchor_at", "next_at", "created_at", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shop:
    """How large the shop is, and when its day ends."""

    jobs: int
    minutes: int
    workers: int
    now: datetime

    @property
    def letters(self) -> int:
        """How many dead letters there are."""
        return max(KINDS_OF_FAILURE, self.jobs // LETTERS_SHARE)

    def tables(self) -> dict[str, tuple[tuple[str, ...], Callable[[], Iterator[Values]]]]:
        """Return the columns and the rows of each table."""
        return {
            "soniq_jobs": (JOB, self.job_rows),
            "soniq_dead_letter_jobs": (LETTER, self.letter_rows),
            "soniq_attempts": (ATTEMPT, self.attempt_rows),
            "soniq_rollups": (ROLLUP, self.rollup_rows),
            "soniq_workers": (WORKER, self.worker_rows),
            "soniq_schedules": (SCHEDULE, self.schedule_rows),
        }

    def created(self, number: int) -> datetime:
        """Return when a job was enqueued: they came evenly over the day."""
        return self.now - DAY + DAY * ((number + 1) / (self.jobs + 1))

    def id_of(self, number: int) -> str:
        """Return a job's id, which sorts by its time."""
        return id_at(self.created(number), number)

    def letter_id(self, number: int) -> str:
        """Return the id of a dead letter; they lie between the jobs."""
        return id_at(self.now - DAY * ((number + 1) / (self.letters + 1)), self.jobs + number)

    def job_rows(self) -> Iterator[Values]:
        """Yield jobs of all states: done, cancelled, due, for later, to be tried again, running."""
        for number in range(self.jobs):
            created = self.created(number)
            status = self.status(number)
            ended = status in {"done", "cancelled"}
            failed = self.error(number)
            ran = ended or status == "processing" or failed is not None
            late = status == "queued" and (number // 20 % 4 == 0 or failed is not None)
            begun = created + timedelta(seconds=1.5)
            yield (
                id_at(created, number), *of(number), 100,
                self.now + DAY * (number % 1000 / 1000 + 0.1) if late else created,
                status, arguments(number), int(ran) + (failed is not None and ended), 4,
                int(ran) * 2, created, begun if ran else None,
                begun + timedelta(seconds=0.7) if ended else None,
                WORKERS[number % self.workers] if ran else None,
                '{"ok": true}' if status == "done" else None,
                failed, failed and f"{TRACE}{failed}",
            )  # fmt: skip

    def status(self, number: int) -> str:
        """Return the state of a job: of twenty, sixteen are done and one is cancelled."""
        if number >= self.jobs - RUNNING and number % 2:
            return "processing"
        place = number % 20
        return "done" if place < 16 else "cancelled" if place == 16 else "queued"  # noqa: PLR2004

    def error(self, number: int) -> str | None:
        """Return a job's last error; three of a hundred have one."""
        every = max(1, self.jobs // (2 * RARE_JOBS))
        if number % every == 1 and number < self.jobs // 2:
            return RARE
        return failure(number) if number % 33 == 0 else None

    def attempt_rows(self) -> Iterator[Values]:
        """Yield the attempts that did not end well, of jobs and of dead letters."""
        for number in range(self.jobs):
            if (error := self.error(number)) is not None:
                yield self.attempt(self.id_of(number), number, error, "retry")
        for number in range(self.letters):
            yield self.attempt(self.letter_id(number), number, failure(number), "bury")

    def attempt(self, job: str, number: int, error: str, outcome: str) -> Values:
        """Return an attempt that has failed."""
        begun = self.now - timedelta(hours=1)
        ended = begun + timedelta(seconds=2)
        worker = WORKERS[number % self.workers]
        return (job, 1, 1, worker, outcome, begun, ended, error, f"{TRACE}{error}")

    def letter_rows(self) -> Iterator[Values]:
        """Yield dead letters of many kinds."""
        for number in range(self.letters):
            ended = self.now - DAY * ((number + 1) / (self.letters + 1))
            error = failure(number)
            yield (
                self.letter_id(number), *of(number), 100, arguments(number), 4, 4,
                "max_retries_exceeded" if number % 3 else "permanent_failure", ended, ended,
                ended, ended, WORKERS[number % self.workers], error, f"{TRACE}{error}",
            )  # fmt: skip

    def rollup_rows(self) -> Iterator[Values]:
        """Yield what each worker has done in each minute: every task, a fifth with retries."""
        start = self.now.replace(second=0, microsecond=0)
        buckets = [0] * BUCKETS
        buckets[4:8] = [3, 5, 3, 1]
        for ago in range(self.minutes):
            minute = start - timedelta(minutes=ago)
            for worker in WORKERS[: self.workers]:
                for number, task in enumerate(TASKS):
                    spent = 12.0, 8.4, buckets, buckets
                    yield (minute, worker, queue_of(task), task, "complete", 12, *spent)
                    if number % 5 == 0:
                        yield (minute, worker, queue_of(task), task, "retry", 12, *spent)

    def worker_rows(self) -> Iterator[Values]:
        """Yield workers that live for as long as anybody looks."""
        for number, worker in enumerate(WORKERS[: self.workers]):
            yield (
                worker, f"host-{number}", 4000 + number, None, 20, list(TASKS), self.now - DAY,
                self.now, self.now + LEASE, "0.1.0", RUNNING // 8, 90_000_000, 0.001,
            )  # fmt: skip

    def schedule_rows(self) -> Iterator[Values]:
        """Yield a schedule for each task."""
        for number, task in enumerate(TASKS):
            due = self.now + timedelta(minutes=number + 10)
            yield (
                task, "active", "added", f"{number} 4 * * *", "Europe/Paris", "one", "{}",
                queue_of(task), 100, 4, self.now - DAY, due, self.now - DAY, self.now - DAY,
            )  # fmt: skip


def id_at(moment: datetime, number: int) -> str:
    """Return a UUID of version 7 for a moment; the number tells it from others."""
    return str(UUID(int=int(moment.timestamp() * 1000) << 80 | 0x7000 << 64 | 2 << 62 | number))


def queue_of(task: str) -> str:
    """Return the queue of a task: two for each area, one of them for what takes long."""
    area, verb = task.split(".")
    return f"{area}-slow" if verb in VERBS[3:] else area


def of(number: int) -> tuple[str, str]:
    """Return the task and the queue of a job; neighbours in time differ."""
    task = TASKS[number * 7 % len(TASKS)]
    return task, queue_of(task)


def arguments(number: int) -> str:
    """Return the arguments of a job, as JSON text."""
    customer = number % 9000
    return json.dumps({
        "order_id": number,
        "customer": {"id": customer, "email": f"customer{customer}@example.com"},
        "lines": [{"sku": f"SKU-{number % 977}", "quantity": 2, "price": "19.90"}],
    })  # fmt: skip


def failure(number: int) -> str:
    """Return an error of one of the kinds that there are; their numbers differ in each."""
    kind = number % KINDS_OF_FAILURE
    return f"ServiceError{chr(65 + kind % 26)}: step {chr(97 + kind)} refused order {number}"
