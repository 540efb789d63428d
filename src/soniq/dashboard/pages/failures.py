"""``/failures`` and ``/failures/{fingerprint}``: kinds of failure, and the dead letters of one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import Sure, page
from soniq.dashboard.paths import url
from soniq.dashboard.state import Dashboard, dashboard_of
from soniq.dashboard.views.numbers import count
from soniq.dashboard.views.words import some
from soniq.errors import InvalidSearch, JobNotFound
from soniq.failures import FailureGroup, Groups
from soniq.job import DeadLetter
from soniq.search import Found

PAGE = 50
NEWEST = 20


async def failures(request: Request) -> Response:
    """Show the kinds of failure; with ``?q=`` the dead letters that match."""
    dashboard = dashboard_of(request)
    text = request.query_params.get("q", "").strip()
    after = request.query_params.get("after") or None
    found: Found[DeadLetter] | None = None
    groups = Groups([], 0, complete=True)
    error = ""
    if text:
        try:
            found = await dashboard.reading.letters(text, limit=PAGE, after=after)
        except InvalidSearch as refusal:
            error = str(refusal)
    else:
        groups = await dashboard.reading.failures()
    return await page(
        request,
        "failures.html",
        section="failures",
        status=400 if error else 200,
        q=text,
        after=after,
        error=error,
        found=found,
        cut=found is not None and found.next is not None and len(found.items) < PAGE,
        groups=groups,
    )


async def failure(request: Request) -> Response:
    """Show one kind of failure.

    Raises:
        JobNotFound: no dead letter is of this kind (any more).
    """
    dashboard = dashboard_of(request)
    fingerprint = request.path_params["fingerprint"]
    group = await group_of(dashboard, fingerprint)
    found = await dashboard.reading.letters(fingerprint=fingerprint, limit=NEWEST)
    return await page(
        request,
        "failure.html",
        section="failures",
        group=group,
        sample=await dashboard.reading.letter(group.sample_id),
        letters=found.items,
        sure=sure(request, group),
    )


async def group_of(dashboard: Dashboard, fingerprint: str) -> FailureGroup:
    """Return the kind of failure with this fingerprint, or raise JobNotFound."""
    for group in (await dashboard.reading.failures()).items:
        if group.fingerprint == fingerprint:
            return group
    message = f"No dead letter is of the kind {fingerprint!r} (any more)."
    raise JobNotFound(message)


def sure(request: Request, group: FailureGroup) -> Sure | None:
    """Return the question before all of a kind are replayed or deleted, if it is to be asked."""
    match request.query_params.get("confirm"):
        case "replay":
            left = group.count - group.replayed
            return Sure(
                f"Replay {some(left, 'dead letter')}?",
                "Each is queued again as a new job, the oldest first. Those that were replayed "
                "before are left alone.",
                url(request, "replay_failures", fingerprint=group.fingerprint),
                f"Replay {count(left)}",
            )
        case "delete":
            return Sure(
                f"Delete {some(group.count, 'dead letter')}?",
                "With their arguments, their errors and their history, for good.",
                url(request, "delete_failures", fingerprint=group.fingerprint),
                f"Delete {count(group.count)}",
            )
        case _:
            return None
