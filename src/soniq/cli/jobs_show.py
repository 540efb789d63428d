"""How jobs, and what becomes of them, are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from soniq.cli import render
from soniq.cli.dead_letter_show import attempt_table, places
from soniq.cli.folding import fold
from soniq.cli.options import counted

if TYPE_CHECKING:
    from soniq.follow import Change
    from soniq.history import PastAttempt
    from soniq.job import Job
    from soniq.search import Preview
    from soniq.why import Why


def job_table(jobs: Sequence[Job]) -> render.Table:
    """Return one line per job: what a person scans for; in a pipe with exact times."""
    columns = ("id", "task", "queue", "status", "tries", "when")
    rows = [
        (job.id, job.job_name, job.queue, job.status.value, tries(job), moment(job)) for job in jobs
    ]
    return render.Table(columns, rows, folded=("task",), wide={"queue": 100, "tries": 90})


def tries(job: Job) -> str:
    """Return the attempts so far, of how many."""
    return f"{job.attempts}/{job.max_attempts}"


def moment(job: Job) -> object:
    """Return when the job's state began or will end: ended, started or due."""
    when = job.finished_at or (job.started_at if job.status == "processing" else job.scheduled_at)
    return render.age(when, datetime.now(UTC)) if render.on_terminal() else when


def show_job(job: Job, attempts: Sequence[PastAttempt]) -> None:
    """Print all about a job; for people its attempts as a table and its last traceback folded."""
    if not render.on_terminal():
        render.facts(whole(job, attempts))
        return
    facts = dict(job)
    traceback = facts.pop("last_traceback") or (attempts[-1].traceback if attempts else None)
    render.facts(facts)
    if attempts:
        render.gap()
        render.table(attempt_table(attempts))
    if traceback:
        render.gap()
        typer.echo(render.cell(fold(traceback), lines=True))
        render.remark("Frames outside of your code are folded: --json has them all.")


def whole(job: Job, attempts: Sequence[PastAttempt]) -> dict[str, Any]:
    """Return all about a job, as JSON has it."""
    return {**job, "history": [asdict(one) for one in attempts]}


def show_why(why: Why) -> None:
    """Print why a job is not running: for people the sentence first, then the facts."""
    if render.on_terminal():
        typer.echo(render.cell(why.sentence, lines=True))
        render.gap()
        render.facts(why.facts)
        return
    render.facts({"code": why.code, "sentence": why.sentence, **why.facts})


def described(verb: str, seen: Preview[Job], first: int | None = None) -> str:
    """Return what an action would meet: how many, where, and the newest of them."""
    lines = [f"Would {verb} {amount(seen, first)}.", f"In the queues: {places(seen.queues)}."]
    lines += ["The newest of them:"]
    lines += [f"  {job.id}  {job.job_name}  {job.queue}  {job.status}" for job in seen.sample]
    return "\n".join(lines)


def amount(seen: Preview[Job], first: int | None = None) -> str:
    """Return how many jobs are meant, in words."""
    jobs = counted(seen.count, "job")
    if not seen.exact:
        jobs = f"at least {jobs}"
    return jobs if first is None or first >= seen.count else f"the {first:,} newest of {jobs}"


def change_line(change: Change) -> str:
    """Return a change in one line: aligned for people, with tabs for programs."""
    if not render.on_terminal():
        return "\t".join(map(render.plain, change.values()))
    cells = [
        f"{change.at.astimezone():%H:%M:%S}",
        f"{change.what:<9}",
        change.job_id,
        change.job_name,
        f"queue {change.queue}",
        f"attempt {change.attempt}",
        outcome(change),
    ]
    return "  ".join(render.cell(one) for one in cells if one)


def outcome(change: Change) -> str:
    """Return how long it took, until when it waits, and what went wrong."""
    told: list[str] = []
    if change.seconds is not None:
        told.append(f"after {change.seconds:.3f}s")
    if change.until is not None:
        told.append(f"due {render.age(change.until, change.at)}")
    if change.error:
        told.append(change.error.split("\n", 1)[0])
    return ": ".join(told)
