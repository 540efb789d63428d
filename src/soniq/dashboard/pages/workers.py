"""``/workers``: who works where, how they do, what they run; quiet or stop one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import ON_TICK, page
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.workers import orphans, versions, worker_rows


async def workers(request: Request) -> Response:
    """Show every worker; ``?confirm=stop&worker=…`` asks whether one is to be stopped."""
    dashboard = dashboard_of(request)
    snapshot = await dashboard.live.snapshot()
    running = await dashboard.reading.running()
    chosen = request.query_params.get("worker", "")
    return await page(
        request,
        "workers.html",
        section="workers",
        snapshot=snapshot,
        follow=ON_TICK,
        rows=worker_rows(snapshot.workers, running),
        orphans=orphans(snapshot.workers, running),
        versions=versions(snapshot.workers),
        chosen=next((worker for worker in snapshot.workers if worker.id == chosen), None),
    )
