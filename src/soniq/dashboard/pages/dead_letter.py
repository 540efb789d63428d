"""``/dead-letters/{id}``: a job that will not run again by itself, and why."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import Sure, page
from soniq.dashboard.paths import url
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.attempts import timeline
from soniq.errors import JobNotFound
from soniq.job import DeadLetter


async def dead_letter(request: Request) -> Response:
    """Show a dead letter.

    Raises:
        JobNotFound: there is none with this id.
    """
    dashboard = dashboard_of(request)
    letter_id = request.path_params["id"]
    letter = await dashboard.reading.letter(letter_id)
    if letter is None:
        message = f"No dead letter {letter_id}: wrong id, or deleted."
        raise JobNotFound(message)
    now = dashboard.soniq.clock.now()
    return await page(
        request,
        "dead_letter.html",
        section="failures",
        letter=letter,
        arguments=letter.args,
        steps=timeline(letter, await dashboard.reading.attempts(letter_id), now),
        fingerprint=await dashboard.reading.kind_of(letter_id),
        sure=sure(request, letter),
    )


def sure(request: Request, letter: DeadLetter) -> Sure | None:
    """Return the question before a dead letter is deleted, if it is to be asked."""
    if request.query_params.get("confirm") != "delete":
        return None
    return Sure(
        "Delete this dead letter?",
        f"{letter.job_name} {letter.id}, with its arguments, its error and its history, for good.",
        url(request, "delete_letter", id=letter.id),
        "Delete it",
    )
