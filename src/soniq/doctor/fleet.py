"""Checks of the workers: that they live, serve what waits, and are well."""

from __future__ import annotations

from datetime import timedelta
from shlex import quote

from soniq.doctor.case import Case
from soniq.doctor.check import check
from soniq.doctor.finding import Verdict, error, ok, skipped, warning
from soniq.doctor.words import listed, size, span
from soniq.job import Worker

START = "soniq worker module:app"
LATE_LOOP, STUCK_LOOP = 0.5, 5.0
LARGE = 1024**3
NOBODY = "no worker is alive"


@check("no-worker", "Living workers")
def no_worker(case: Case) -> Verdict:
    """Look whether anybody runs the jobs."""
    if case.living:
        slots = sum(worker.concurrency for worker in case.living)
        return ok(f"{len(case.living)} alive, with {slots} slots")
    due = [one.queue for one in case.standings if one.due and one.pause is None]
    if due:
        return error(f"{NOBODY}, and jobs are due in {listed(due)}", START)
    return warning(f"{NOBODY}; nothing is due now", START)


@check("unserved-queue", "Queues that nobody serves")
def unserved_queue(case: Case) -> Verdict:
    """Look for queues that nobody claims from, though their jobs have been due for 10 s."""
    if not case.living:
        return skipped(NOBODY)
    if not case.unserved:
        return ok("all are served")
    told = listed(f"{queue} (due for {span(case.unserved[queue])})" for queue in case.unserved)
    return error(told, f"{START} --queues {quote(','.join(case.unserved))}")


@check("unknown-task", "Tasks that no worker knows")
def unknown_task(case: Case) -> Verdict:
    """Look for jobs that wait for a worker which knows their task; later they are buried."""
    if not case.living:
        return skipped(NOBODY)
    if not case.unknown:
        return ok("no job at the front of a queue is of an unknown one")
    told = listed(
        f"{name} (due for {span(case.ago(since))})" for name, since in case.unknown.items()
    )
    grace = span(case.settings.unknown_task_grace)
    return warning(
        f"no living worker knows {told}; after {grace} they go to the dead letters",
        "start a worker whose modules define them, or deploy the new code to all workers",
    )


@check("worker-versions", "Versions of Soniq")
def worker_versions(case: Case) -> Verdict:
    """Look for a deployment that has stopped half-way."""
    versions = sorted({worker.version or "unknown" for worker in case.living} | {case.version})
    if len(versions) > 1:
        told = listed(f"{short(one)} runs {one.version or 'unknown'}" for one in case.living)
        return warning(f"{told}; here it is {case.version}", "restart the workers that are behind")
    return ok(f"all run {case.version}")


@check("worker-lease", "Leases of workers")
def worker_lease(case: Case) -> Verdict:
    """Look for those that will be taken for dead, so that their jobs run again elsewhere."""
    lost = [worker for worker in case.workers if not worker.alive]
    late = [worker for worker in case.living if is_late(worker, case)]
    if not lost and not late:
        return ok("all have renewed theirs lately")
    parts = [f"{short(one)} was last heard of {span(case.ago(one.renewed_at))} ago" for one in late]
    parts += [f"{short(one)} is gone since {span(case.ago(one.expires_at))}" for one in lost]
    return warning(
        listed(parts),
        "see whether its host is overloaded, frozen or cut off; a worker that lives clears away "
        "what is left of those that are gone",
    )


def is_late(worker: Worker, case: Case) -> bool:
    """Tell whether more than half of a worker's lease has passed without a renewal."""
    lease = worker.expires_at - worker.renewed_at
    return lease > timedelta() and case.ago(worker.renewed_at) > lease / 2


@check("event-loop", "Event loops of workers")
def event_loop(case: Case) -> Verdict:
    """Look for handlers that block: each holds up all others of its worker."""
    late = [one for one in case.living if (one.loop_lag or 0.0) >= LATE_LOOP]
    if not late:
        return ok(f"none is later than {LATE_LOOP:g} s")
    told = listed(f"{short(one)} is {span(one.loop_lag or 0.0)} late" for one in late)
    cure = "make what blocks a plain function (def), or @app.job(executor='process'); see its log"
    stuck = any((one.loop_lag or 0.0) >= STUCK_LOOP for one in late)
    return error(told, cure) if stuck else warning(told, cure)


@check("worker-memory", "Memory of workers")
def worker_memory(case: Case) -> Verdict:
    """Look for handlers that leak, or that load too much at a time."""
    large = [one for one in case.living if (one.memory_bytes or 0) >= LARGE]
    if not large:
        return ok(f"none holds more than {size(LARGE)}")
    told = listed(f"{short(one)} holds {size(one.memory_bytes or 0)}" for one in large)
    return warning(told, f"{START} --max-rss 1024  # replaces a worker that holds more MiB")


@check("quiet-worker", "Workers kept quiet")
def quiet_worker(case: Case) -> Verdict:
    """Look for workers that claim no jobs because an operator wished so."""
    quiet = [one for one in case.living if one.wish == "quiet"]
    if not quiet:
        return ok("none is")
    return warning(
        f"asked to claim no jobs: {listed(map(short, quiet))}",
        f"soniq workers resume {quiet[0].id}",
    )


def short(worker: Worker) -> str:
    """Return a name for a worker."""
    return f"{worker.id[:8]} ({worker.hostname}, pid {worker.pid})"
