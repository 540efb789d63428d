"""Queues, workers, schedules, the database, and what people did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from soniq.dashboard.api.endpoint import Call, Endpoint
from soniq.dashboard.api.parameters import AFTER, LIMIT
from soniq.dashboard.pages.checkup import checkup_of
from soniq.doctor.finding import Finding
from soniq.figures import Figures
from soniq.history import AuditEntry
from soniq.job import Worker
from soniq.schedule import Schedule
from soniq.search import Found
from soniq.standing import QueueStanding


@dataclass(frozen=True, slots=True)
class Overview:
    """How things stand, and the figures of the last hour."""

    total: Figures
    by_queue: Mapping[str, Figures]
    queues: Sequence[QueueStanding]
    workers_alive: int
    at: datetime


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Living workers, added up. ``versions``: how many run each version of Soniq."""

    alive: int
    gone: int
    slots: int
    running: int
    memory_bytes: int
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Health:
    """Whether all is well, and what every check of ``soniq doctor`` says."""

    ok: bool
    findings: Sequence[Finding]


async def stats(call: Call) -> Overview:
    """Return what the overview shows."""
    now = await call.dashboard.live.snapshot()
    alive = sum(worker.alive for worker in now.workers)
    total, by_queue, _ = now.last_hour
    return Overview(total, by_queue, now.standings, alive, now.at)


async def queues(call: Call) -> Sequence[QueueStanding]:
    """Return how every queue stands."""
    return (await call.dashboard.live.snapshot()).standings


async def workers(call: Call) -> Sequence[Worker]:
    """Return the registered workers."""
    return (await call.dashboard.live.snapshot()).workers


async def worker_stats(call: Call) -> WorkerStats:
    """Return the workers added up."""
    return added_up((await call.dashboard.live.snapshot()).workers)


def added_up(workers: Sequence[Worker]) -> WorkerStats:
    """Return what living workers have and do, in all."""
    alive = [worker for worker in workers if worker.alive]
    return WorkerStats(
        alive=len(alive),
        gone=len(workers) - len(alive),
        slots=sum(worker.concurrency for worker in alive),
        running=sum(worker.running for worker in alive),
        memory_bytes=sum(worker.memory_bytes or 0 for worker in alive),
        versions=dict(Counter(worker.version for worker in alive)),
    )


async def health(call: Call) -> Health:
    """Return what is wrong, as of the last minute."""
    findings = await checkup_of(call.request).findings()
    return Health(all(finding.severity != "error" for finding in findings), findings)


async def schedules(call: Call) -> list[Schedule]:
    """Return all schedules."""
    return await call.dashboard.reading.schedules()


async def audit(call: Call) -> Found[AuditEntry]:
    """Return a page of what people did, the latest first."""
    limit = call.query["limit"]
    entries = await call.dashboard.reading.audit(limit=limit, before=call.query["after"])
    more = entries[-1].id if len(entries) == limit else None
    return Found(entries, len(entries), more)


ENDPOINTS = [
    Endpoint("/api/stats", "How things stand, and the figures of the last hour.", stats, Overview),
    Endpoint("/api/queues", "How every queue stands.", queues, QueueStanding, "list"),
    Endpoint("/api/workers", "The registered workers.", workers, Worker, "list"),
    Endpoint("/api/workers/stats", "Living workers, added up.", worker_stats, WorkerStats),
    Endpoint("/api/schedules", "All schedules.", schedules, Schedule, "list"),
    Endpoint(
        "/api/audit", "What people did, the latest first.", audit, AuditEntry, "page",
        (LIMIT, AFTER),
    ),
    Endpoint("/api/system/health", "Whether all is well, check by check.", health, Health),
]  # fmt: skip
