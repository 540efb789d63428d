"""``/``: what is wrong, how much is done, how fast, and where it waits."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.checkup import troubles
from soniq.dashboard.pages.frame import ON_TICK, page
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.alarms import alarms
from soniq.dashboard.views.chart import WINDOWS, busy, window_of
from soniq.dashboard.views.queues import queue_rows, totals


async def overview(request: Request) -> Response:
    """Show how everything stands; ``?window=24h`` or ``7d`` for more than the last hour."""
    dashboard = dashboard_of(request)
    snapshot = await dashboard.live.snapshot()
    window = window_of(request.query_params.get("window"))
    past = snapshot.last_hour
    if window != WINDOWS[0]:
        past = await dashboard.live.summary(window=window.seconds, step=window.step)
    total, by_queue, series = past
    rows = queue_rows(snapshot.standings, by_queue, snapshot.at)
    living = [worker for worker in snapshot.workers if worker.alive]
    return await page(
        request,
        "overview.html",
        section="overview",
        snapshot=snapshot,
        follow=ON_TICK,
        alarms=alarms(rows, snapshot.workers),
        troubles=await troubles(request),
        windows=WINDOWS,
        window=window,
        total=total,
        totals=totals(snapshot.standings),
        series=series,
        busy=busy(series),
        rows=rows,
        workers=living,
        slots=sum(worker.concurrency for worker in living),
    )
