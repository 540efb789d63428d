"""``/operations/{id}``: how far work on many jobs has got."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import page
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import dashboard_of

WHILE_RUNNING = "every 1s"
TITLES = {
    "jobs.cancel": "Cancel jobs",
    "jobs.retry": "Retry jobs",
    "jobs.delete": "Delete jobs",
    "failures.replay": "Replay dead letters",
    "failures.delete": "Delete dead letters",
}


async def operation(request: Request) -> Response:
    """Show an operation of this process.

    Raises:
        Refused: 404 for one that it does not know.
    """
    found = dashboard_of(request).operations.get(request.path_params["id"])
    if found is None:
        message = (
            "This process knows no such operation: another one runs it, or this one was started "
            "anew since. The audit log on the page System says what has become of it."
        )
        raise Refused(404, message)
    return await page(
        request,
        "operation.html",
        section="jobs",
        follow=WHILE_RUNNING if found.running else None,
        operation=found,
        title=TITLES.get(found.action, found.action),
    )
