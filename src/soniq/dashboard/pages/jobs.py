"""``/jobs``: search for jobs, page by page; tick some or take all to act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from soniq.dashboard.live import Snapshot
from soniq.dashboard.pages.frame import page
from soniq.dashboard.state import Dashboard, dashboard_of
from soniq.dashboard.views.columns import COLUMNS, chosen, spelled
from soniq.dashboard.views.jobs import State, ran, state_of, waited
from soniq.dashboard.views.links import by_state, without_state
from soniq.dashboard.views.tree import one_line
from soniq.errors import InvalidSearch
from soniq.job import Job
from soniq.search import Found, JobSearch

PAGE = 50
STATES = ("queued", "processing", "done", "cancelled")
# A list that suggests everything suggests nothing.
MOST_HINTS = 60


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job of the list."""

    job: Job
    state: State
    arguments: str
    waited: float | None
    ran: float | None


async def jobs(request: Request) -> Response:
    """Show what ``?q=`` finds, from ``after`` on; a search that can't be read is told why."""
    dashboard = dashboard_of(request)
    text = request.query_params.get("q", "").strip()
    after = request.query_params.get("after") or None
    columns = chosen(request.query_params.getlist("columns"))
    snapshot = await dashboard.live.snapshot()
    found, search, error = Found[Job]([], 0, None), JobSearch(), ""
    try:
        search = dashboard.reading.wanted(text)
    except InvalidSearch as refusal:
        error = str(refusal)
    else:
        found = await dashboard.reading.jobs(search, limit=PAGE, after=after)
    return await page(
        request,
        "jobs.html",
        section="jobs",
        snapshot=snapshot,
        status=400 if error else 200,
        q=text,
        after=after,
        error=error,
        found=found,
        rows=[row_of(dashboard, job) for job in found.items],
        cut=found.next is not None and len(found.items) < PAGE,
        tabs={} if error else by_state(search),
        state=search.status.value if search.status else "all",
        dead=without_state(text),
        columns=columns,
        every_column=COLUMNS,
        columns_text=spelled(columns),
        hints=hints(dashboard, snapshot, text),
    )


def row_of(dashboard: Dashboard, job: Job) -> JobRow:
    """Return a job as the list shows it, with what may be seen of its arguments."""
    now = dashboard.soniq.clock.now()
    arguments = one_line(job.args)
    return JobRow(job, state_of(job, now), arguments, waited(job, now), ran(job, now))


def hints(dashboard: Dashboard, snapshot: Snapshot, text: str) -> list[str]:
    """Return what the search could go on with: every state, the queues and tasks that are known."""
    tasks = set(dashboard.soniq.registry.names)
    for worker in snapshot.workers:
        tasks.update(worker.tasks)
    words: Iterable[str] = [
        *(f"state:{state}" for state in STATES),
        *(f"queue:{standing.queue}" for standing in snapshot.standings),
        *(f"task:{task}" for task in sorted(tasks)),
    ]
    used = {word.partition(":")[0] for word in text.split()}
    rest = [word for word in words if word.partition(":")[0] not in used and " " not in word]
    begin = f"{text} " if text else ""
    return [begin + word for word in rest[:MOST_HINTS]]
