"""What the commands of ``soniq jobs`` do with an open app, and note of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from soniq.cli import render
from soniq.cli.exits import Exit, fail
from soniq.cli.options import counted
from soniq.cli.progress import Progress
from soniq.cli.redaction import redactor_of, shown_why
from soniq.errors import InvalidOption, JobNotFound

if TYPE_CHECKING:
    from soniq.app import Soniq
    from soniq.history import PastAttempt
    from soniq.job import Job
    from soniq.search import Found, JobSearch, Preview
    from soniq.why import Why


def wanted(words: str, *, queue: str | None, status: str | None, name: str | None) -> JobSearch:
    """Return the search that words and filters make up.

    Raises:
        InvalidSearch, InvalidOption: a word or a status that there is not.
        Exit: a filter says what the words say already (code 2).
    """
    from soniq.jobs import read_status  # noqa: PLC0415 - `soniq jobs --help` needs none of it
    from soniq.search import parse_search  # noqa: PLC0415

    search = parse_search(words)
    filters: dict[str, Any] = {"queue": queue, "status": read_status(status), "name": name}
    given = {key: value for key, value in filters.items() if value is not None}
    twice = [key for key in given if getattr(search, key) is not None]
    if twice:
        message = f"--{twice[0]} says what the search says already: give one of them."
        raise fail(message, Exit.USAGE)
    return replace(search, **given)


async def page(
    app: Soniq, search: JobSearch, *, limit: int, after: str | None, reveal: bool
) -> tuple[Found[Job], int | None]:
    """Return a page of jobs; where the search was cut off before it was full, about how many are.

    None where that is not known, or does not matter.
    """
    found = await app.jobs.search(search, limit=limit, after=after)
    redactor = redactor_of(app, reveal=reveal)
    found = found._replace(items=[redactor.row(job) for job in found.items])
    if found.next is None or len(found.items) == limit:
        return found, None
    facts = await app.stats.database()
    return found, next((one.rows for one in facts.tables if one.name == "soniq_jobs"), None)


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


async def look(app: Soniq, job_id: str, *, reveal: bool) -> tuple[Job, list[PastAttempt]]:
    """Return a job and its attempts that did not end well."""
    redactor = redactor_of(app, reveal=reveal)
    job = redactor.row(await find(app, job_id))
    return job, [redactor.row(one) for one in await app.jobs.attempts(job_id)]


async def why(app: Soniq, job_id: str, *, reveal: bool) -> Why:
    """Return why a job is not running; JobNotFound, with where to look, if there is none."""
    try:
        return shown_why(redactor_of(app, reveal=reveal), await app.jobs.why(job_id))
    except JobNotFound:
        await find(app, job_id)
        raise


# --- by id ----------------------------------------------------------------------------------------


async def cancel_all(app: Soniq, ids: Sequence[str], by: str, *, dry_run: bool) -> list[Exit]:
    """Cancel one after the other, say what became of each, and return what went wrong."""

    async def cancel(job_id: str) -> Exit:
        job = await find(app, job_id)
        if job.finished_at is None and dry_run:
            render.remark(f"Would cancel {job_id} ({job.job_name}).")
        elif job.finished_at is None and await app.jobs.cancel(job_id):
            runs = job.status == "processing"
            await note(app, by, "cancel", job_id, {"task": job.job_name, "running": runs})
            what = "Asked the worker to stop" if runs else "Cancelled"
            render.remark(f"{what} {job_id} ({job.job_name}).")
        else:
            render.remark(f"Error: job {job_id} can't be cancelled: it has ended.")
            return Exit.FAILED
        return Exit.OK

    return await one_by_one(ids, cancel)


async def retry_all(app: Soniq, ids: Sequence[str], by: str, *, dry_run: bool) -> list[Exit]:
    """Retry one after the other, print the ids of what will run; return what went wrong."""

    async def retry(job_id: str) -> Exit:
        if dry_run:
            found = await why(app, job_id, reveal=False)
            would = WOULD_RETRY.get(found.code)
            needless = f"{job_id} needs none. {found.sentence}"
            render.remark(f"{would} {job_id}." if would else needless)
            return Exit.OK if would else Exit.FAILED
        try:
            retried = await app.jobs.retry(job_id)
        except JobNotFound:
            await find(app, job_id)  # says where to look
            raise
        except InvalidOption as error:
            render.remark(f"Error: {error}")
            return Exit.FAILED
        await note(app, by, "retry", job_id, dict(retried))
        typer.echo(retried.job_id)
        render.remark(f"{RETRIED[retried.how]} {job_id}.")
        return Exit.OK

    return await one_by_one(ids, retry)


# What a retry has done, and would do to a job for which ``why`` has this code.
RETRIED = {
    "hastened": "Made due now:",
    "cloned": "Enqueued another job like",
    "replayed": "Replayed the dead letter",
}
WOULD_RETRY = {
    "scheduled": "Would make due now:",
    "retry_waits": "Would make due now:",
    "done": "Would enqueue another job like",
    "cancelled": "Would enqueue another job like",
    "dead": "Would replay the dead letter",
}


async def one_by_one(ids: Sequence[str], act: Callable[[str], Awaitable[Exit]]) -> list[Exit]:
    """Act on each job, say of which there is none, and return what went wrong."""
    codes: list[Exit] = []
    for job_id in ids:
        try:
            codes.append(await act(job_id))
        except JobNotFound as error:
            render.remark(f"Error: {error}")
            codes.append(Exit.NOT_FOUND)
    return [code for code in codes if code is not Exit.OK]


# --- all that match -------------------------------------------------------------------------------


async def preview_cancel(app: Soniq, search: JobSearch) -> Preview[Job]:
    """Return what a cancellation of all that match would meet: only what has not ended."""
    from soniq.job import JobStatus  # noqa: PLC0415 - not before a command runs
    from soniq.search import Preview  # noqa: PLC0415

    alive = [JobStatus.QUEUED, JobStatus.PROCESSING]
    parts = [
        await app.jobs.preview(replace(search, status=status))
        for status in alive
        if search.status in {None, status}
    ]
    queues: dict[str, int] = {}
    for part in parts:
        for queue, number in part.queues.items():
            queues[queue] = queues.get(queue, 0) + number
    sample = [job for part in parts for job in part.sample]
    return Preview(
        count=sum(part.count for part in parts),
        exact=all(part.exact for part in parts),
        sample=sorted(sample, key=lambda job: job.id, reverse=True)[:5],
        queues=dict(sorted(queues.items(), key=lambda one: -one[1])),
    )


async def cancel_matching(app: Soniq, search: JobSearch, by: str) -> None:
    """Cancel all that match and have not ended; say how many it were."""
    with Progress("Cancelled") as told:
        try:
            await app.jobs.cancel_matching(search, told=told)
        finally:
            await note_matching(app, by, "cancel", search, told.done)
    render.remark(f"Cancelled {counted(told.done, 'job')}.")


async def retry_matching(app: Soniq, search: JobSearch, by: str, first: int | None) -> None:
    """Retry all that match, or the newest so many of them; say how many it were."""
    with Progress("Retried") as told:
        try:
            await app.jobs.retry_matching(search, told=told, first=first)
        finally:
            await note_matching(app, by, "retry", search, told.done)
    render.remark(f"Retried {counted(told.done, 'job')}.")


async def note_matching(app: Soniq, by: str, verb: str, search: JobSearch, number: int) -> None:
    """Note what was done to all that match, if anything was."""
    from soniq.search import spell  # noqa: PLC0415 - not before a command runs

    if number:
        await note(app, by, verb, spell(search), {"count": number})


async def note(app: Soniq, by: str, verb: str, target: str, detail: dict[str, Any]) -> None:
    """Note who has done what, for ``soniq audit``."""
    await app.audit.note(by, f"jobs.{verb}", target, detail)
