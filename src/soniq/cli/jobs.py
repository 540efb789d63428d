"""``soniq jobs list|show|cancel``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from soniq.cli import load, render
from soniq.cli.exits import Exit
from soniq.cli.options import (
    AsJson,
    DatabaseUrl,
    DryRun,
    Ids,
    Limit,
    NameFilter,
    Offset,
    QueueFilter,
    Yes,
    confirm,
    counted,
)
from soniq.errors import JobNotFound

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.job import Job

app = typer.Typer(help="Look at jobs, cancel them.", no_args_is_help=True)
Status = Annotated[
    str | None,
    typer.Option("--status", "-s", help="Only queued, processing, done or cancelled ones."),
]


@app.command("list")
def list_jobs(
    *,
    queue: QueueFilter = None,
    status: Status = None,
    name: NameFilter = None,
    limit: Limit = 100,
    offset: Offset = 0,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """List jobs, newest first."""
    found = load.run(
        database_url,
        lambda app: app.list_jobs(
            queue=queue, status=status, name=name, limit=limit, offset=offset
        ),
    )
    if as_json:
        render.document(found)
        return
    render.table(job_table(found))
    if not found:
        render.remark("No job matches. `soniq status` counts those that there are.")
    elif len(found) == limit:
        render.remark(f"There may be more: --offset {offset + limit}.")


@app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Show everything about one job."""
    job = load.run(database_url, lambda app: find(app, job_id))
    if as_json:
        render.document(job)
    else:
        render.facts(dict(job))


@app.command()
def cancel(
    ids: Ids, *, yes: Yes = False, dry_run: DryRun = False, database_url: DatabaseUrl = None
) -> None:
    """Cancel jobs: those that wait at once; those that run are stopped by their worker."""
    if not dry_run:
        confirm(f"Cancel {counted(len(ids), 'job')}?", yes=yes)
    codes = load.run(database_url, lambda app: cancel_all(app, ids, dry_run=dry_run))
    if codes:
        raise typer.Exit(max(codes))


async def find(app: Soniq, job_id: str) -> Job:
    """Return the job; JobNotFound, with where to look instead, if there is none."""
    job = await app.get_job(job_id)
    if job is not None:
        return job
    if await app.dead_letter.get(job_id) is not None:
        message = f"Job {job_id} is in the dead letters: see `soniq dead-letter show {job_id}`."
    else:
        message = (
            f"No job {job_id}: wrong id, or deleted since. `soniq jobs list` shows those there are."
        )
    raise JobNotFound(message)


async def cancel_all(app: Soniq, ids: list[str], *, dry_run: bool) -> list[Exit]:
    """Cancel one after the other, say what became of each, and return what went wrong."""
    codes: list[Exit] = []
    for job_id in ids:
        try:
            job = await find(app, job_id)
        except JobNotFound as error:
            render.remark(error)
            codes.append(Exit.NOT_FOUND)
            continue
        if job.finished_at is None and (dry_run or await app.cancel_job(job_id)):
            render.remark(f"{cancelled(job, dry_run=dry_run)} {job_id} ({job.job_name}).")
        else:
            render.remark(f"Job {job_id} can't be cancelled: it has ended.")
            codes.append(Exit.FAILED)
    return codes


def cancelled(job: Job, *, dry_run: bool) -> str:
    """Return what was done, or would be, in words."""
    if dry_run:
        return "Would cancel"
    return "Asked the worker to stop" if job.status == "processing" else "Cancelled"


def job_table(jobs: list[Job]) -> render.Table:
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
