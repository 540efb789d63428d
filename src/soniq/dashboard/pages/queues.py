"""``/queues``: how each queue stands, how fast it drains, who serves it, who holds it back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import ON_TICK, page
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.queues import queue_rows, totals


async def queues(request: Request) -> Response:
    """Show every queue; ``?confirm=pause&queue=…`` asks why one is to be paused."""
    snapshot = await dashboard_of(request).live.snapshot()
    rows = queue_rows(snapshot.standings, snapshot.last_hour.by_queue, snapshot.at)
    return await page(
        request,
        "queues.html",
        section="queues",
        snapshot=snapshot,
        follow=ON_TICK,
        rows=rows,
        totals=totals(snapshot.standings),
        chosen=request.query_params.get("queue", ""),
    )
