"""``/system``: what the doctor finds, how large the tables are, the settings, who did what."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.checkup import checkup_of
from soniq.dashboard.pages.frame import page
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.settings import setting_rows

ENTRIES = 50


async def system(request: Request) -> Response:
    """Show the system; ``?before=`` goes back in the audit log, ``?look=anew`` asks the doctor."""
    soniq = dashboard_of(request).soniq
    query = request.query_params
    entries = await dashboard_of(request).reading.audit(
        limit=ENTRIES, before=query.get("before") or None
    )
    return await page(
        request,
        "system.html",
        section="system",
        findings=await checkup_of(request).findings(anew=query.get("look") == "anew"),
        facts=await soniq.stats.database(),
        settings=setting_rows(soniq.settings),
        entries=entries,
        older=entries[-1].id if len(entries) == ENTRIES else None,
        operations=dashboard_of(request).operations.list(),
    )
