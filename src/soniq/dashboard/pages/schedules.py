"""``/schedules`` and ``/schedules/{name}``: what recurs, when, and what has become of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.pages.frame import page
from soniq.dashboard.state import dashboard_of
from soniq.dashboard.views.schedules import schedule_row
from soniq.errors import ScheduleNotFound

LAST_RUNS = 20
NEXT_RUNS = 5


async def schedules(request: Request) -> Response:
    """Show every schedule."""
    dashboard = dashboard_of(request)
    now = dashboard.soniq.clock.now()
    found = await dashboard.reading.schedules()
    rows = [schedule_row(schedule, now) for schedule in found]
    return await page(request, "schedules.html", section="schedules", rows=rows)


async def schedule(request: Request) -> Response:
    """Show one schedule: its next ticks, the last ones, what was missed.

    Raises:
        ScheduleNotFound: there is none of that name.
    """
    dashboard = dashboard_of(request)
    scheduler = dashboard.soniq.scheduler
    name = request.path_params["name"]
    found = await dashboard.reading.schedule(name)
    if found is None:
        message = f"No schedule {name!r}: it was removed, or never added."
        raise ScheduleNotFound(message)
    return await page(
        request,
        "schedule.html",
        section="schedules",
        row=schedule_row(found, dashboard.soniq.clock.now()),
        schedule=found,
        arguments=found.args,
        coming=await scheduler.preview(name, NEXT_RUNS),
        past=await scheduler.history(name, LAST_RUNS),
    )
