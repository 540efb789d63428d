"""``/bulk``: what an action on many jobs would meet, before it is begun."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import page
from soniq.dashboard.pages.jobs import row_of
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import Dashboard, dashboard_of
from soniq.dashboard.views.columns import chosen
from soniq.job import Job
from soniq.search import Preview

VERBS = {"cancel": "Cancel", "retry": "Retry", "delete": "Delete"}
WORDS = {
    "cancel": "Those that wait are cancelled at once; those that run are told to stop.",
    "retry": "Those that wait for their time are due now; those that have ended are queued again, "
    "as new jobs. Those that are due or run already are left alone.",
    "delete": "They are gone for good, with their results and their history. Those that run are "
    "left alone.",
}
SAMPLE = 5
# As many as a page of the list has boxes to tick.
MOST_TICKED = 50


async def bulk(request: Request) -> Response:
    """Show what ``?action=`` would meet: what ``?q=`` finds, or the jobs of ``?id=`` alone.

    Raises:
        Refused: 400 for an action that there is not.
        InvalidSearch: a search that can't be read.
    """
    dashboard = dashboard_of(request)
    query = request.query_params
    action = query.get("action", "")
    if action not in VERBS:
        message = f"`action` is {action!r}: give cancel, retry or delete."
        raise Refused(400, message)
    ids = query.getlist("id")[:MOST_TICKED]
    text = query.get("q", "").strip()
    preview = await (ticked(dashboard, ids) if ids else matching(dashboard, text))
    return await page(
        request,
        "bulk.html",
        section="jobs",
        action=action,
        verb=VERBS[action],
        words=WORDS[action],
        q=text,
        ids=ids,
        columns=chosen(["state,id,queue,args,attempts,created"]),
        preview=preview,
        rows=[row_of(dashboard, job) for job in preview.sample],
    )


async def matching(dashboard: Dashboard, text: str) -> Preview[Job]:
    """Return what a search finds."""
    return await dashboard.reading.preview(text)


async def ticked(dashboard: Dashboard, ids: list[str]) -> Preview[Job]:
    """Return the jobs that were ticked, as far as they still are there."""
    looked = [await dashboard.reading.job(job_id) for job_id in ids]
    found = [job for job in looked if job is not None]
    queues: dict[str, int] = {}
    for job in found:
        queues[job.queue] = queues.get(job.queue, 0) + 1
    fullest = dict(sorted(queues.items(), key=lambda item: -item[1]))
    return Preview(len(found), exact=True, sample=found, queues=fullest)
