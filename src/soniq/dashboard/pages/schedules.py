"""``/schedules`` and ``/schedules/{name}``: what recurs, when, and what has become of it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from soniq.crontab import check_timezone, parse
from soniq.dashboard.pages.frame import page
from soniq.dashboard.state import Dashboard, dashboard_of
from soniq.dashboard.views.schedules import schedule_row
from soniq.errors import ScheduleNotFound
from soniq.schedule import Schedule
from soniq.scheduler.preview import Tick

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
        coming=await coming(dashboard, found),
        past=await dashboard.soniq.scheduler.history(name, LAST_RUNS),
    )


async def coming(dashboard: Dashboard, schedule: Schedule) -> list[Tick] | None:
    """Return the next ticks; None where this computer does not know its zone or cron string."""
    try:
        check_timezone(schedule.timezone)
        if schedule.cron is not None:
            parse(schedule.cron)
    except ValueError:
        return None
    return await dashboard.soniq.scheduler.preview(schedule.name, NEXT_RUNS)
