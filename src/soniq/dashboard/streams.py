"""``GET /live``: server-sent events that say when there is something new to see."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from soniq.dashboard.live import MOST_STREAMS
from soniq.dashboard.problem import Refused
from soniq.dashboard.state import dashboard_of


async def live(request: Request) -> Response:
    """Send ``event: tick`` whenever something has changed; pages then ask for what they show."""
    source = dashboard_of(request).live
    if source.full or source.closed:
        message = f"{MOST_STREAMS} pages follow what happens here already: load this one by hand."
        raise Refused(503, message, retry_after="30")
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    events = source.stream(request.headers.get("last-event-id"))
    return StreamingResponse(
        events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


ROUTES = [Route("/live", live, methods=["GET"], name="live")]
