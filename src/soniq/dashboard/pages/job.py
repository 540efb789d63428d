"""``/jobs/{id}``: one job: attempts, arguments, headers, result, error, and why it waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soniq.dashboard.pages.frame import ON_TICK, Sure, page
from soniq.dashboard.paths import url
from soniq.dashboard.state import Dashboard, dashboard_of
from soniq.dashboard.views.attempts import timeline
from soniq.dashboard.views.jobs import can_cancel, can_retry, ran, state_of, waited
from soniq.errors import InvalidSearch, JobNotFound
from soniq.job import Job, JobStatus

PAGE = 50
# As long as the job lives: at once when it has changed, now and then for how it has got on in its
# queue, or how long it runs.
WHILE_LIVING = f"{ON_TICK}, every 5s"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The ids of the jobs before and after one in the list that it was opened from."""

    newer: str | None = None
    older: str | None = None


async def job(request: Request) -> Response:
    """Show a job; that of a dead letter leads there. ``?q=`` is the list that it was opened from.

    Raises:
        JobNotFound: there is neither.
    """
    dashboard = dashboard_of(request)
    job_id = request.path_params["id"]
    known = dashboard.live.position(job_id)
    found = await dashboard.reading.job(job_id)
    if found is None:
        return await elsewhere(request, dashboard, job_id)
    now = dashboard.soniq.clock.now()
    text = request.query_params.get("q")
    steps = timeline(found, await dashboard.reading.attempts(job_id), now)
    living = found.status in (JobStatus.QUEUED, JobStatus.PROCESSING)
    return await page(
        request,
        "job.html",
        section="jobs",
        follow=WHILE_LIVING if living else None,
        stream=url(request, "live", job=found.id, since=known),
        job=found,
        state=state_of(found, now),
        waited=waited(found, now),
        ran=ran(found, now),
        arguments=found.args,
        steps=steps,
        why=await dashboard.reading.why(job_id),
        q=text,
        neighbours=await neighbours(dashboard, text, job_id),
        can_cancel=can_cancel(found),
        can_retry=can_retry(found, now),
        sure=sure(request, found),
    )


async def elsewhere(request: Request, dashboard: Dashboard, job_id: str) -> Response:
    """Lead to the dead letter that a job has become (JobNotFound if it has not)."""
    if await dashboard.reading.letter(job_id) is None:
        message = f"No job {job_id}: wrong id, deleted, or pruned after its result_ttl."
        raise JobNotFound(message)
    return RedirectResponse(url(request, "dead_letter", id=job_id), 303)


async def neighbours(dashboard: Dashboard, text: str | None, job_id: str) -> Neighbours:
    """Return what stands around a job in a list; nothing for one that was not opened from one."""
    if text is None:
        return Neighbours()
    try:
        search = dashboard.reading.wanted(text)
    except InvalidSearch:
        return Neighbours()
    jobs = dashboard.reading.jobs
    first = [found.id for found in (await jobs(search, limit=PAGE)).items]
    if job_id in first[:-1]:
        return around(first, job_id)
    after = (await jobs(search, limit=1, after=job_id)).items
    newer = around(first, job_id).newer if job_id in first else None
    return Neighbours(newer, after[0].id if after else None)


def around(ids: Sequence[str], job_id: str) -> Neighbours:
    """Return the ids beside one of a list."""
    place = ids.index(job_id)
    return Neighbours(
        ids[place - 1] if place else None, ids[place + 1] if place + 1 < len(ids) else None
    )


def sure(request: Request, job: Job) -> Sure | None:
    """Return the question before a job is deleted, if it is to be asked."""
    if request.query_params.get("confirm") != "delete":
        return None
    return Sure(
        "Delete this job?",
        f"{job.job_name} {job.id}, with its arguments, its result and its history, for good.",
        url(request, "delete_job", id=job.id),
        "Delete it",
    )
