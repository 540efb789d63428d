"""``GET /live``: server-sent events that say when there is something new to see."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from soniq.dashboard.live import MOST_STREAMS
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import dashboard_of


async def live(request: Request) -> Response:
    """Send ``event: tick`` whenever something has changed; pages then ask for what they show.

    ``?job=``: whenever that job has. ``?since=``: the event up to which the page knows of all.
    """
    source = dashboard_of(request).live
    if source.full or source.closed:
        message = f"{MOST_STREAMS} pages follow what happens here already: load this one by hand."
        raise Refused(503, message, retry_after="30")
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    query = request.query_params
    last_id = request.headers.get("last-event-id") or query.get("since")
    events = source.stream(last_id, job=job_of(query.get("job")))
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


def job_of(text: str | None) -> str | None:
    """Return the id of a job, as databases write it; Refused (400) for what is none."""
    try:
        return None if text is None else str(UUID(text))
    except ValueError:
        raise Refused(400, "`job` is no id of a job (a UUID).") from None


ROUTES = [Route("/live", live, methods=["GET"], name="live")]
